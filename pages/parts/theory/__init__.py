"""Parts of the page Theory."""
