"""Errors of the library. Every message says what is wrong and what to do about it."""

from __future__ import annotations


class XanesError(Exception):
    """Base of every error this library raises on purpose."""


class StructureError(XanesError):
    """A structure file or an ``Atoms`` object cannot be used."""


class SpectrumError(XanesError):
    """A spectrum file or its values cannot be used."""


class DescriptorError(XanesError):
    """The descriptor's parameters or its input do not make sense."""


class ModelError(XanesError):
    """A model is missing, damaged or does not apply."""


class DatasetError(XanesError):
    """A training set is missing, damaged or incomplete."""


class AssemblyError(DatasetError):
    """No complex can be drawn: an option makes no sense, something is missing, or nothing fits."""


class TheoryError(XanesError):
    """A calculation cannot be set up, did not succeed, or its output cannot be read."""


class SetupError(TheoryError):
    """The machine is at fault (a full disk, a missing program), not what was to be calculated."""


class TheoryCancelled(TheoryError):
    """Somebody stopped the calculation."""


class TheoryTimeout(TheoryError):
    """The calculation took longer than it was allowed to."""


class StoryError(XanesError):
    """A guided story cannot be used as it is written."""


class RefinementError(XanesError):
    """A fit, ranking or comparison of structures with a spectrum cannot be done as asked."""


class RefinementCancelled(RefinementError):
    """Somebody stopped it."""
