"""Formats of structure files, one file each; private to reading."""
