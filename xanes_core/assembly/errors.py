"""The error of this package, in a module of its own because every other one raises it."""

from __future__ import annotations

from xanes_core.errors import DatasetError


class AssemblyError(DatasetError):
    """No complex can be drawn: an option makes no sense, something is missing, or nothing fits."""
