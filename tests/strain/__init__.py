"""What the program bears: many readers at once, and being killed. Run by hand, on this machine."""
