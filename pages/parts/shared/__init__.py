"""What several pages use: frame and links, choices, structures in view, cached calls, charts."""
