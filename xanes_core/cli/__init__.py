"""All that speaks to a terminal."""

from xanes_core.cli.commands import main

__all__ = [
    "main",
]  # fmt: skip
