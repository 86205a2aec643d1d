"""Parts of the page Fit."""
