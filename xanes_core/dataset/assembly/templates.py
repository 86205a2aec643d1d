"""Polyhedra, which ligands take which of their corners, and what each metal does.

A template is written as one string per ligand: the archetype it must have, with a star where it is
the same ligand as the one of that archetype before, and the corners it takes. ``oxide`` is the
terminal oxide and nothing else: two of three vanadium complexes of tmQM have one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


def _unit(*vector: float) -> np.ndarray:
    unit: np.ndarray = np.array(vector) / np.linalg.norm(vector)
    return unit


def _polar(polar_deg: float, azimuth_deg: float) -> np.ndarray:
    polar, azimuth = np.radians([polar_deg, azimuth_deg])
    return np.array(
        [np.sin(polar) * np.cos(azimuth), np.sin(polar) * np.sin(azimuth), np.cos(polar)]
    )


#: Corners of all polyhedra, as unit vectors.
CORNERS: dict[str, np.ndarray] = {
    **{"+x": _unit(1, 0, 0), "-x": _unit(-1, 0, 0), "+y": _unit(0, 1, 0), "-y": _unit(0, -1, 0)},
    **{"+z": _unit(0, 0, 1), "-z": _unit(0, 0, -1)},
    # tetrahedron
    **{
        "t0": _unit(1, 1, 1),
        "t1": _unit(-1, -1, 1),
        "t2": _unit(-1, 1, -1),
        "t3": _unit(1, -1, -1),
    },
    # equator of the trigonal bipyramid; a chelate in a trigonal plane
    **{f"e{k}": _polar(90, 120 * k) for k in range(3)},
    **{"b0": _unit(0.766, 0.643, 0), "b1": _unit(0.766, -0.643, 0)},
    # legs of a piano stool, for three ligands, and for a chelate with one more
    **{f"l{k}": _polar(122, 120 * k) for k in range(3)},
    **{"k0": _unit(0.6, 0.6, -0.53), "k1": _unit(0.6, -0.6, -0.53), "k2": _unit(-0.85, 0, -0.53)},
    # bent metallocene: two rings, two more ligands between them
    **{"r0": _unit(-0.42, 0, 0.9), "r1": _unit(-0.42, 0, -0.9)},
    **{"m0": _unit(0.68, 0.73, 0), "m1": _unit(0.68, -0.73, 0)},
    # equator of the pentagonal bipyramid
    **{f"p{k}": _polar(90, 72 * k) for k in range(5)},
    # capped octahedron: cap +z, the face around the cap, the face opposite
    **{f"u{k}": _polar(74, 120 * k) for k in range(3)},
    **{f"d{k}": _polar(130, 60 + 120 * k) for k in range(3)},
    # square antiprism: upper and lower square
    **{f"s{k}": _polar(57.3, 90 * k) for k in range(4)},
    **{f"v{k}": _polar(122.7, 45 + 90 * k) for k in range(4)},
}


@dataclass(frozen=True)
class Slot:
    """Place for one ligand: what it must be, where its donors go, whether it repeats the last."""

    archetype: str
    corners: tuple[str, ...]
    same: bool

    def targets(self) -> np.ndarray:
        """Unit vectors of the corners, shape (n_sites, 3)."""
        return np.array([CORNERS[corner] for corner in self.corners])


@dataclass(frozen=True)
class Template:
    """A polyhedron with its places for ligands; ``size`` is the class of the largest ligand."""

    name: str
    size: str
    slots: tuple[Slot, ...]

    @property
    def n_sites(self) -> int:
        """Corners taken, a ring counting as one."""
        return sum(len(slot.corners) for slot in self.slots)

    @property
    def has_ring(self) -> bool:
        """Whether a ring is bound above the metal."""
        return any(slot.archetype == "eta" for slot in self.slots)

    @property
    def has_oxide(self) -> bool:
        """Whether a terminal oxide has a place of its own."""
        return any(slot.archetype == OXIDE for slot in self.slots)


def _slot(text: str) -> Slot:
    kind, *corners = text.split()
    return Slot(kind.removesuffix("*"), tuple(corners), kind.endswith("*"))


#: Archetype of the terminal oxide.
OXIDE = "oxide"
#: Most atoms in one ligand of a size class.
SIZES = {"S": 16, "M": 26, "L": 34, "XL": 60}

_THREE_IN_PLANE = "3-meridional -x +y +x"
_FOUR_IN_PLANE = "4-tetragonal +x +y -x -y"
_TEXTS: dict[str, tuple[str, ...]] = {
    # octahedra
    "oct_6mono": ("S", "1 +z", "1 -z", "1* +x", "1* -x", "1* +y", "1* -y"),
    "oct_4mono2": ("S", "1 +x", "1* -x", "1* +y", "1* -y", "1 +z", "1* -z"),
    "oct_5mono_mono": ("S", "1 +x", "1* -x", "1* +y", "1* -y", "1* -z", "1 +z"),
    "oct_bi4mono": ("M", "2-cis +x +y", "1 -x", "1* -y", "1 +z", "1* -z"),
    "oct_2bi2mono": ("M", "2-cis +x +y", "2-cis* -x -y", "1 +z", "1 -z"),
    "oct_cis2bi2mono": ("M", "2-cis +x +y", "2-cis* -x +z", "1 -y", "1* -z"),
    "oct_3bi": ("M", "2-cis +x +y", "2-cis* -x +z", "2-cis -y -z"),
    "oct_tri_bi_mono": ("M", _THREE_IN_PLANE, "2-cis -y +z", "1 -z"),
    "oct_2tri": ("M", _THREE_IN_PLANE, "3-meridional +z -y -z"),
    "oct_2fac": ("M", "3-facial +x +y +z", "3-facial* -x -y -z"),
    "stool_fac_mono": ("M", "3-facial +x +y +z", "1 -x", "1* -y", "1* -z"),
    "oct_tetra_2mono": ("L", "4-facial +x +z -x +y", "1 -y", "1* -z"),
    "oct_penta_mono": ("XL", "5-square-pyramidal +x +y -x -y +z", "1 -z"),
    "oct_hexa": ("XL", "6-octahedral +x +y -x -y +z -z"),
    # five and four
    "spy_tri2mono": ("M", _THREE_IN_PLANE, "1 -y", "1 +z"),
    "five_bi3mono": ("M", "2-cis +x +y", "1 -x", "1* -y", "1 +z"),
    "tbp_5mono": ("M", "1 +z", "1* -z", "1 e0", "1* e1", "1* e2"),
    "tbp_tripod_mono": ("XL", "4-trigonal-pyramidal e0 e1 e2 +z", "1 -z"),
    "sqp_2bi": ("L", "2-cis +x +y", "2-cis -x -y"),
    "sqp_tri_mono": ("L", _THREE_IN_PLANE, "1 -y"),
    "sqp_bi2mono": ("L", "2-cis +x +y", "1 -x", "1* -y"),
    "sqp_4mono": ("M", "1 +x", "1* -x", "1 +y", "1* -y"),
    "tet_4mono": ("M", "1 t0", "1* t1", "1 t2", "1* t3"),
    "tet_2bi": ("L", "2-cis t0 t1", "2-cis t2 t3"),
    "tet_bi2mono": ("L", "2-cis t0 t1", "1 t2", "1* t3"),
    "tet_fac_mono": ("L", "3-facial t0 t1 t2", "1 t3"),
    "tri_bi_mono": ("L", "2-cis b0 b1", "1 -x"),
    "lin_2mono": ("L", "1 +x", "1 -x"),
    # macrocycles
    "tetragonal_0": ("XL", _FOUR_IN_PLANE),
    "tetragonal_1": ("XL", _FOUR_IN_PLANE, "1 +z"),
    "tetragonal_2": ("XL", _FOUR_IN_PLANE, "1 +z", "1* -z"),
    # rings: half-sandwich, sandwich, bent metallocene
    "stool_3mono": ("M", "eta +z", "1 l0", "1 l1", "1* l2"),
    "stool_3same": ("M", "eta +z", "1 l0", "1* l1", "1* l2"),
    "stool_2mono": ("M", "eta +z", "1 k0", "1 k1"),
    "stool_bi_mono": ("M", "eta +z", "2-cis k0 k1", "1 k2"),
    "stool_mono": ("M", "eta +z", "1 -z"),
    "sandwich": ("M", "eta +z", "eta -z"),
    "sandwich_same": ("M", "eta +z", "eta* -z"),
    "bent_2mono": ("M", "eta r0", "eta* r1", "1 m0", "1* m1"),
    # seven and eight
    "pbp_penta_2mono": ("XL", "5-pentagonal p0 p1 p2 p3 p4", "1 +z", "1* -z"),
    "pbp_2bi3mono": ("M", "2-cis p0 p1", "2-cis* p2 p3", "1 p4", "1 +z", "1* -z"),
    "pbp_3bi_mono": ("M", "2-cis p0 p1", "2-cis* p2 p3", "2-cis* p4 +z", "1 -z"),
    "pbp_tri_bi_2mono": ("M", "3-meridional p0 p1 p2", "2-cis p3 p4", "1 +z", "1* -z"),
    "pbp_7mono": ("S", "1 p0", "1* p1", "1* p2", "1* p3", "1* p4", "1 +z", "1* -z"),
    "cap_fac_4mono": ("M", "3-facial d0 d1 d2", "1 u0", "1* u1", "1* u2", "1 +z"),
    "cap_3bi_mono": ("M", "2-cis u0 d0", "2-cis* u1 d1", "2-cis* u2 d2", "1 +z"),
    # terminal oxides: vanadyl and its like, cis-dioxo, ferryl
    "oxo_spy_2bi": ("M", "oxide +z", "2-cis +x +y", "2-cis* -x -y"),
    "oxo_spy_tetra": ("XL", "oxide +z", _FOUR_IN_PLANE),
    "oxo_spy_tri_mono": ("M", "oxide +z", _THREE_IN_PLANE, "1 -y"),
    "oxo_spy_bi2mono": ("M", "oxide +z", "2-cis +x +y", "1 -x", "1* -y"),
    "oxo_oct_tri_bi": ("M", "oxide +z", _THREE_IN_PLANE, "2-cis -y -z"),
    "oxo_oct_2bi_mono": ("M", "oxide +z", "2-cis +x +y", "2-cis* -x -z", "1 -y"),
    "oxo_oct_tetra_mono": ("L", "oxide +y", "4-facial +x +z -x -y", "1 -z"),
    "oxo_oct_penta": ("XL", "oxide +z", "5-square-pyramidal +x +y -x -y -z"),
    "oxo2_five_tri": ("M", "oxide +z", "oxide -y", _THREE_IN_PLANE),
    "oxo2_oct_2bi": ("M", "oxide +z", "oxide -y", "2-cis +x -z", "2-cis* -x +y"),
    "oxo2_oct_tetra": ("L", "oxide -y", "oxide -z", "4-facial +x +z -x +y"),
    "sap_4bi": ("M", "2-cis s0 s1", "2-cis* s2 s3", "2-cis* v0 v1", "2-cis* v2 v3"),
}


def _template(name: str, size: str, *slots: str) -> Template:
    return Template(name, size, tuple(_slot(f"1-mono{t[1:]}" if t[0] == "1" else t) for t in slots))


#: Templates for ligands of the base, by name.
TEMPLATES = {name: _template(name, *texts) for name, texts in _TEXTS.items()}

#: Corners for single small ligands, by name.
POLYHEDRA: dict[str, tuple[str, ...]] = {
    "lin": ("+z", "-z"),
    "tri": ("e0", "e1", "e2"),
    "tet": ("t0", "t1", "t2", "t3"),
    "sqp": ("+x", "-x", "+y", "-y"),
    "tbp": ("+z", "-z", "e0", "e1", "e2"),
    "spy": ("+z", "+x", "-x", "+y", "-y"),
    "oct": ("+x", "-x", "+y", "-y", "+z", "-z"),
    "pbp": ("+z", "-z", "p0", "p1", "p2", "p3", "p4"),
    "cap": ("+z", "u0", "u1", "u2", "d0", "d1", "d2"),
    "stool": ("l0", "l1", "l2"),
    "stool2": ("k0", "k1"),
    "bent": ("m0", "m1"),
}
#: Rings that come with a polyhedron of small ligands.
RING_CORNERS = {"stool": ("+z",), "stool2": ("+z",), "bent": ("r0", "r1")}


def _weights(text: str) -> dict[str, int]:
    """``a b*3`` as {"a": 1, "b": 3}."""
    pairs = (word.partition("*") for word in text.split())
    return {name: int(times or 1) for name, _, times in pairs}


_SEVEN = "pbp_penta_2mono pbp_2bi3mono pbp_3bi_mono pbp_tri_bi_2mono cap_3bi_mono"
#: Templates of a metal with their weights.
COMMON = {
    metal: _weights(text)
    for metal, text in {
        "Ti": "bent_2mono*2 stool_3same stool_3mono stool_bi_mono oct_2bi2mono oct_cis2bi2mono "
        "tet_4mono tet_bi2mono oct_4mono2 five_bi3mono tetragonal_2 oct_3bi tet_2bi "
        "stool_fac_mono oct_tetra_2mono tbp_tripod_mono sap_4bi cap_fac_4mono pbp_7mono "
        "oxo_spy_tetra " + _SEVEN,
        "V": "stool_3same stool_3mono bent_2mono oct_2bi2mono oct_cis2bi2mono tet_4mono "
        "oct_tri_bi_mono spy_tri2mono five_bi3mono tetragonal_1 oct_3bi oct_4mono2 oct_6mono "
        "stool_fac_mono oct_tetra_2mono tbp_tripod_mono sap_4bi cap_fac_4mono pbp_7mono "
        "oxo_spy_2bi*5 oxo_spy_tetra*4 oxo_spy_tri_mono*5 oxo_spy_bi2mono*3 oxo_oct_tri_bi*6 "
        "oxo_oct_2bi_mono*5 oxo_oct_tetra_mono*3 oxo_oct_penta oxo2_five_tri*5 oxo2_oct_2bi*3 "
        "oxo2_oct_tetra*3 " + _SEVEN,
        "Cr": "stool_3same*2 stool_3mono sandwich oct_6mono oct_4mono2 oct_5mono_mono oct_bi4mono "
        "oct_3bi oct_2bi2mono oct_cis2bi2mono oct_tri_bi_mono stool_fac_mono tet_4mono oct_2tri "
        "oct_tetra_2mono pbp_penta_2mono pbp_2bi3mono pbp_3bi_mono cap_fac_4mono oxo_spy_tetra",
        "Mn": "stool_3same*2 stool_3mono oct_6mono oct_4mono2 oct_5mono_mono oct_bi4mono "
        "oct_cis2bi2mono oct_2bi2mono oct_3bi tetragonal_1 stool_fac_mono tet_4mono oct_2tri "
        "spy_tri2mono oct_tetra_2mono oct_penta_mono oct_hexa tbp_tripod_mono pbp_penta_2mono*2 "
        "pbp_2bi3mono pbp_3bi_mono pbp_tri_bi_2mono oxo_spy_tetra oxo_oct_penta",
        "Fe": "sandwich sandwich_same stool_3mono*2 stool_bi_mono stool_3same tbp_5mono oct_4mono2 "
        "oct_5mono_mono oct_bi4mono oct_3bi oct_2bi2mono oct_2tri oct_tri_bi_mono five_bi3mono "
        "tet_4mono tet_bi2mono tetragonal_1 tetragonal_2 spy_tri2mono tet_2bi tet_fac_mono "
        "oct_2fac stool_fac_mono oct_tetra_2mono oct_penta_mono oct_hexa tbp_tripod_mono "
        "pbp_penta_2mono*2 pbp_2bi3mono pbp_3bi_mono pbp_tri_bi_2mono oxo_oct_penta",
        "Co": "stool_3mono stool_2mono stool_bi_mono sandwich oct_4mono2 oct_3bi oct_2bi2mono "
        "oct_cis2bi2mono oct_2tri tet_4mono tet_bi2mono tbp_5mono tetragonal_0 tetragonal_2 "
        "spy_tri2mono oct_tri_bi_mono tet_fac_mono oct_2fac oct_tetra_2mono oct_penta_mono "
        "oct_hexa tbp_tripod_mono",
        "Ni": "sqp_2bi sqp_tri_mono sqp_bi2mono*2 sqp_4mono*2 tetragonal_0 tet_4mono stool_2mono "
        "stool_mono oct_2bi2mono oct_2tri oct_3bi tet_2bi spy_tri2mono tet_fac_mono "
        "oct_tetra_2mono oct_penta_mono oct_hexa tbp_tripod_mono",
        "Cu": "sqp_2bi sqp_tri_mono sqp_4mono tetragonal_0 tet_2bi tet_4mono tet_bi2mono "
        "five_bi3mono spy_tri2mono tetragonal_1 oct_2bi2mono sqp_bi2mono tri_bi_mono lin_2mono "
        "stool_mono tet_fac_mono tbp_tripod_mono oct_tetra_2mono",
        "Zn": "tet_4mono*2 tet_2bi tet_bi2mono*2 spy_tri2mono oct_3bi oct_2bi2mono oct_2tri "
        "tetragonal_1 five_bi3mono tetragonal_0 tri_bi_mono tet_fac_mono tbp_tripod_mono "
        "oct_penta_mono oct_hexa oct_tetra_2mono",
    }.items()
}
#: Polyhedra of small ligands of a metal with their weights.
COMMON_SMALL = {
    metal: _weights(text)
    for metal, text in {
        "Ti": "tet*3 oct*2 spy tbp stool*2 bent pbp cap",
        "V": "tet*3 oct*3 spy tbp stool*2 bent pbp cap",
        "Cr": "tet*2 oct*4 spy stool*3 pbp cap",
        "Mn": "tet*2 oct*4 tbp stool*3 pbp cap",
        "Fe": "tet*2 oct*4 tbp spy stool*4 pbp",
        "Co": "tet*3 oct*3 tbp stool stool2*2",
        "Ni": "tet*2 sqp*2 oct*3 tbp stool2",
        "Cu": "tet*2 sqp*3 oct*2 tri lin spy tbp",
        "Zn": "tet*4 oct*2 tri lin tbp",
    }.items()
}
#: Oxidation states of a metal with ligands of the base, repeated as often as they are to come.
OXIDATION = {
    **{"Ti": (4, 4, 4, 4, 3, 3, 2), "V": (2, 3, 3, 4, 4, 4, 5, 5), "Cr": (0, 0, 2, 3, 3, 3)},
    **{"Mn": (1, 2, 2, 3), "Fe": (0, 2, 2, 3), "Co": (2, 3, 3, 1), "Ni": (2, 2, 2, 0)},
    **{"Cu": (2, 2, 1), "Zn": (2,)},
}
#: The same in templates with a terminal oxide.
OXIDATION_OXIDE = {"Ti": (4,), "V": (4, 4, 5, 5, 5), "Cr": (5, 4), "Mn": (5, 4), "Fe": (4,)}
#: The same with small ligands.
OXIDATION_SMALL = {
    **{"Ti": (2, 3, 4, 4, 4), "V": (2, 3, 3, 4, 4, 5, 5, 0), "Cr": (0, 0, 2, 3, 3, 3, 6, 6)},
    **{"Mn": (1, 1, 2, 2, 3, 4, 7), "Fe": (0, 2, 2, 2, 3, 3), "Co": (1, 2, 2, 3, 3, 0)},
    **{"Ni": (0, 0, 2, 2, 2), "Cu": (1, 1, 2, 2, 2), "Zn": (2,)},
}
#: The same of tetrahedral oxo complexes; metals that are not here make none.
OXIDATION_OXO = {"Ti": (4,), "V": (5,), "Cr": (6,), "Mn": (7, 6), "Fe": (6,)}
#: Total charges of complexes of the base, repeated as often as they are to come.
CHARGES = (0, 0, 0, 1, 1, 2, -1)
#: Valence electrons of the free metals.
VALENCE = {"Ti": 4, "V": 5, "Cr": 6, "Mn": 7, "Fe": 8, "Co": 9, "Ni": 10, "Cu": 11, "Zn": 12}


def weighted_choice(weights: Mapping[str, float], rng: np.random.Generator) -> str:
    """One of the names, each as often as its weight says."""
    shares = np.array(list(weights.values()), dtype=float)
    return str(rng.choice(list(weights), p=shares / shares.sum()))
