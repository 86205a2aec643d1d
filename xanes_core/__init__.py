"""K-edge XANES of 3d transition-metal complexes from their structure, with honest error bands.

>>> from xanes_core import load_model, read_structures
>>> atoms = read_structures("ferrocene.xyz")[0]  # doctest: +SKIP
>>> spectrum = load_model("Fe").predict(atoms, absorber="Fe")  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xanes_core.descriptors import WACSF
    from xanes_core.errors import XanesError
    from xanes_core.model import Prediction, SpectrumModel, list_models, load_model
    from xanes_core.spectra import Spectrum, read_spectrum
    from xanes_core.structures import read_structures

__version__ = "0.2.0"

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

#: Room that each name comes from, imported when the name is first asked for: a command that needs
#: no structures does not wait for their readers.
_ROOMS = {
    "WACSF": "descriptors",
    "Prediction": "model",
    "Spectrum": "spectra",
    "SpectrumModel": "model",
    "XanesError": "errors",
    "list_models": "model",
    "load_model": "model",
    "read_spectrum": "spectra",
    "read_structures": "structures",
}


def __getattr__(name: str) -> object:
    if name in _ROOMS:
        value = getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)
    elif name in _ROOMS.values():  # `import xanes_core; xanes_core.spectra`
        value = import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS, *_ROOMS.values()})
