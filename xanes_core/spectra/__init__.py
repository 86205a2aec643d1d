"""Curves over energy: read, mend, measure.

>>> from xanes_core.spectra import read_spectrum, shift
>>> measured = read_spectrum("fe_foil.xdi")  # doctest: +SKIP
"""

from xanes_core.spectra.agreement import FeatureEstimate, FeatureGroup, features_with_uncertainty
from xanes_core.spectra.axis import ENERGY_UNITS, EnergyColumn
from xanes_core.spectra.broadening import broaden_arctan, gaussian_weights
from xanes_core.spectra.columns import SIGNALS
from xanes_core.spectra.edge_features import spectral_features
from xanes_core.spectra.emission import (
    BAND_FROM_EV,
    area_normalised,
    area_of_reference,
    emission_features,
)
from xanes_core.spectra.grid import feff_to_grid
from xanes_core.spectra.imitation import imitate_measurement
from xanes_core.spectra.kinds import (
    SPECTRUM_KINDS,
    XANES,
    XES,
    SpectrumKind,
    band_limits,
    spectrum_kind,
)
from xanes_core.spectra.metrics import (
    constant_width,
    cosine_similarity,
    coverage,
    mean_width,
    median_intensity_error,
    mse,
    relative_spectral_error,
    response_error,
    spearman,
    window_misfit,
)
from xanes_core.spectra.normalisation import Normalised, default_ranges, find_e0, normalise
from xanes_core.spectra.peaks import PeakMatch, find_peaks, match_peaks, peak_errors
from xanes_core.spectra.read import (
    SPECTRUM_FORMATS,
    ColumnList,
    SpectrumTable,
    choose_table,
    column_names,
    list_spectra,
    read_spectrum,
    read_table,
    read_tables,
    spectrum_names,
)
from xanes_core.spectra.slope import SLOPE_SMOOTHING_EV, derivative
from xanes_core.spectra.spectrum import Spectrum, align, as_energies, resample, scale, shift
from xanes_core.spectra.table import Table
from xanes_core.spectra.write import spectrum_object, write_spectrum

__all__ = [
    "BAND_FROM_EV",
    "ENERGY_UNITS",
    "SIGNALS",
    "SLOPE_SMOOTHING_EV",
    "SPECTRUM_FORMATS",
    "SPECTRUM_KINDS",
    "XANES",
    "XES",
    "ColumnList",
    "EnergyColumn",
    "FeatureEstimate",
    "FeatureGroup",
    "Normalised",
    "PeakMatch",
    "Spectrum",
    "SpectrumKind",
    "SpectrumTable",
    "Table",
    "align",
    "area_normalised",
    "area_of_reference",
    "as_energies",
    "band_limits",
    "broaden_arctan",
    "choose_table",
    "column_names",
    "constant_width",
    "cosine_similarity",
    "coverage",
    "default_ranges",
    "derivative",
    "emission_features",
    "features_with_uncertainty",
    "feff_to_grid",
    "find_e0",
    "find_peaks",
    "gaussian_weights",
    "imitate_measurement",
    "list_spectra",
    "match_peaks",
    "mean_width",
    "median_intensity_error",
    "mse",
    "normalise",
    "peak_errors",
    "read_spectrum",
    "read_table",
    "read_tables",
    "relative_spectral_error",
    "resample",
    "response_error",
    "scale",
    "shift",
    "spearman",
    "spectral_features",
    "spectrum_kind",
    "spectrum_names",
    "spectrum_object",
    "window_misfit",
    "write_spectrum",
]  # fmt: skip
