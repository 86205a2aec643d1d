"""Every look-alike gives its spectrum, or is refused with a reason."""

import numpy as np
import pytest

from tests.corpus.cases import spectra
from tests.spectra.look_alikes import ENERGY
from xanes_core.errors import SpectrumError
from xanes_core.spectra import read_spectrum

CASES = list(spectra())


@pytest.mark.parametrize("case", CASES, ids=[f"{c.kind}: {c.name}" for c in CASES])
def test_a_look_alike_is_read_or_refused(case):
    if case.expected is None:
        with pytest.raises(SpectrumError, match=case.says):
            read_spectrum(case.data, element="Fe", group=case.group)
        return
    spectrum = read_spectrum(case.data, element="Fe", group=case.group)
    np.testing.assert_allclose(spectrum.energy_ev, ENERGY, atol=1e-4)
    np.testing.assert_allclose(spectrum.mu, case.expected, atol=1e-6)
