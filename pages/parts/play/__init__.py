"""Parts of the page Play."""
