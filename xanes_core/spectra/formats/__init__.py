"""Spectrum formats that hold several spectra or need a reader of their own, a row each.

Plain columns, XDI and JSON are read by :mod:`xanes_core.spectra.table`. A new format is a file of
this folder and a row of ``FORMATS``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from xanes_core.spectra.formats.athena_project import is_athena_project, read_athena_project
from xanes_core.spectra.formats.hdf5 import is_hdf5, read_hdf5
from xanes_core.spectra.formats.photon_factory import is_photon_factory, read_photon_factory
from xanes_core.spectra.formats.spec import is_spec, read_spec
from xanes_core.spectra.table import Table


@dataclass(frozen=True)
class Format:
    """One spectrum format.

    Attributes
    ----------
    name : str
        What callers name it by.
    looks : callable
        Whether a text is of this format.
    read : callable
        Text in, tables by the names of the spectra out; a SpectrumError for what is wrong.
    """

    name: str
    looks: Callable[[str], bool]
    read: Callable[[str], dict[str, Table]]


@dataclass(frozen=True)
class BinaryFormat:
    """One format that is no text; as :class:`Format`, of bytes."""

    name: str
    looks: Callable[[bytes], bool]
    read: Callable[[bytes], dict[str, Table]]


#: In the order in which they are tried.
BINARY_FORMATS = (BinaryFormat("hdf5", is_hdf5, read_hdf5),)
FORMATS = (
    Format("prj", is_athena_project, read_athena_project),
    Format("9809", is_photon_factory, read_photon_factory),
    Format("spec", is_spec, read_spec),
)
