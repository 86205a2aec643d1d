"""Fit, choose, measure. Its files are named after the commands; each loads scikit-learn."""
