"""K-edge XANES of 3d transition-metal complexes from their structure, with honest error bands.

>>> from xanes_core import load_model, read_structures
>>> atoms = read_structures("ferrocene.xyz")[0]  # doctest: +SKIP
>>> spectrum = load_model("Fe").predict(atoms, absorber="Fe")  # doctest: +SKIP
"""

from xanes_core.descriptors import WACSF
from xanes_core.errors import XanesError
from xanes_core.model import Prediction, SpectrumModel, list_models, load_model
from xanes_core.spectra import Spectrum, read_spectrum
from xanes_core.structures import read_structures

__version__ = "0.1.0"

__all__ = [
    "WACSF",
    "Prediction",
    "Spectrum",
    "SpectrumModel",
    "XanesError",
    "list_models",
    "load_model",
    "read_spectrum",
    "read_structures",
]
