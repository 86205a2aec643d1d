"""What whoever runs the server sets by environment variables."""

from __future__ import annotations

import os


def whole_number(variable: str, default: int) -> int:
    """Positive whole number of an environment variable; the default where it holds none."""
    text = os.environ.get(variable, "").strip()
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text) < 10**9 else default
