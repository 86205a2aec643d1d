"""Elements, edges and grids. Units are in the names; each table names its source."""

from __future__ import annotations

from types import MappingProxyType

#: First-row transition metals whose K edge the project covers, by atomic number.
ABSORBERS = ("Ti", "V", "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn")

#: Tabulated K-edge energies E0 (eV). Source: Elam, Ravel and Sieber, Radiat. Phys. Chem. 63, 121
#: (2002), as distributed by ``xraydb`` (``xray_edge(el, "K").energy``).
K_EDGE_EV = MappingProxyType(
    {
        "Ti": 4966.0,
        "V": 5465.0,
        "Cr": 5989.0,
        "Mn": 6539.0,
        "Fe": 7112.0,
        "Co": 7709.0,
        "Ni": 8333.0,
        "Cu": 8979.0,
        "Zn": 9659.0,
    }
)

#: K core-hole widths, FWHM (eV). Source: Krause and Oliver, J. Phys. Chem. Ref. Data 8, 329 (1979),
#: as distributed by ``xraydb`` (``core_width(el, "K")``).
K_CORE_WIDTH_EV = MappingProxyType(
    {
        "Ti": 0.94,
        "V": 1.01,
        "Cr": 1.08,
        "Mn": 1.16,
        "Fe": 1.25,
        "Co": 1.33,
        "Ni": 1.44,
        "Cu": 1.55,
        "Zn": 1.67,
    }
)

#: Atomic numbers of the elements that bind to metals as ligand atoms.
NONMETALS = (1, 2, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 18, 33, 34, 35, 36, 52, 53, 54)

#: Radius of the environment that the descriptor and the theory see (A).
R_CUT_ANG = 6.0
