"""Example complexes of Cr and Mn.

Experimental bond lengths are rounded literature means, good to about 0.02 A; the comment says what
kind of measurement they come from. Left out: tris(acetylacetonato)manganese(III), as GFN2-xTB does
not reproduce its Jahn-Teller elongation (several electronic solutions, none with the right shape).
"""

from __future__ import annotations

from ase import Atoms
from catalogue import GED, SOL, TRIS, XRD, Complex, Shell
from starting_geometry import acetylacetonates, piano_stool, polyhedral, sandwich


def dimanganese_decacarbonyl() -> Atoms:
    """Two Mn(CO)5 units, staggered (D4d), Mn-Mn along z."""
    half = polyhedral("Mn", "octahedron", [("CO", 1.85)] * 4 + [("CO", 1.80), ("He", 9.0)])
    half = half[[a.index for a in half if a.symbol != "He"]]
    other = half.copy()
    other.rotate(180.0, "x", center=(0, 0, 0))
    other.rotate(45.0, "z", center=(0, 0, 0))
    other.translate((0, 0, -2.92))
    return half + other


CR_MN: tuple[Complex, ...] = (
    Complex(
        "chromium-hexacarbonyl",
        "Chromium hexacarbonyl",
        "Cr(CO)₆",
        0,
        1,
        "octahedral, 6 C",
        "Linear Cr-C-O chains: the textbook case of multiple scattering.",
        (Shell("C", 6, 1.91, GED),),
        lambda: polyhedral("Cr", "octahedron", [("CO", 1.91)] * 6),
    ),
    Complex(
        "chromate",
        "Chromate",
        "[CrO₄]²⁻",
        -2,
        1,
        "tetrahedral, 4 O",
        "Cr(VI): its pre-edge peak near 5993 eV is the routine test for toxic chromium.",
        (Shell("O", 4, 1.65, XRD),),
        lambda: polyhedral("Cr", "tetrahedron", [("O", 1.65)] * 4),
        water=True,
    ),
    Complex(
        "dibenzenechromium",
        "Bis(benzene)chromium",
        "Cr(C₆H₆)₂",
        0,
        1,
        "sandwich, 12 C",
        "Cr(0) between two arenes; compare with ferrocene.",
        (Shell("C", 12, 2.15, GED),),
        lambda: sandwich("Cr", 6, 1.61),
    ),
    Complex(
        "hexaamminechromium-iii",
        "Hexaamminechromium(III)",
        "[Cr(NH₃)₆]³⁺",
        3,
        4,
        "octahedral, 6 N",
        "d3 in an N6 field, beside the Co(III) ammine.",
        (Shell("N", 6, 2.07, XRD),),
        lambda: polyhedral("Cr", "octahedron", [("NH3", 2.07)] * 6),
        water=True,
    ),
    Complex(
        "hexaaquachromium-iii",
        "Hexaaquachromium(III)",
        "[Cr(H₂O)₆]³⁺",
        3,
        4,
        "octahedral, 6 O",
        "Cr(III) in water: the harmless partner of chromate.",
        (Shell("O", 6, 1.97, SOL),),
        lambda: polyhedral("Cr", "octahedron", [("H2O", 1.97)] * 6),
        water=True,
    ),
    Complex(
        "chromium-tris-acac",
        "Tris(acetylacetonato)chromium(III)",
        "Cr(C₅H₇O₂)₃",
        0,
        4,
        "octahedral, 6 O",
        "A bench standard for Cr(III).",
        (Shell("O", 6, 1.96, XRD),),
        lambda: acetylacetonates("Cr", "octahedron", TRIS, [1.96] * 3),
    ),
    Complex(
        "permanganate",
        "Permanganate",
        "[MnO₄]⁻",
        -1,
        1,
        "tetrahedral, 4 O",
        "Mn(VII): strong pre-edge and the highest manganese edge.",
        (Shell("O", 4, 1.61, XRD),),
        lambda: polyhedral("Mn", "tetrahedron", [("O", 1.61)] * 4),
        water=True,
    ),
    Complex(
        "manganese-pentacarbonyl-bromide",
        "Bromopentacarbonylmanganese(I)",
        "Mn(CO)₅Br",
        0,
        1,
        "octahedral, 5 C + 1 Br",
        "One heavy scatterer among five carbonyls.",
        (Shell("C", 5, 1.84, XRD), Shell("Br", 1, 2.52, XRD)),
        lambda: polyhedral("Mn", "octahedron", [("CO", 1.85)] * 5 + [("Br", 2.52)]),
    ),
    Complex(
        "dimanganese-decacarbonyl",
        "Dimanganese decacarbonyl",
        "Mn₂(CO)₁₀",
        0,
        1,
        "octahedral, 5 C + 1 Mn",
        "Two Mn sites: try the average over all sites; unsupported Mn-Mn bond.",
        (Shell("C", 5, 1.85, XRD), Shell("Mn", 1, 2.90, "crystal structures; gas phase 2.98")),
        dimanganese_decacarbonyl,
    ),
    Complex(
        "hexaaquamanganese-ii",
        "Hexaaquamanganese(II)",
        "[Mn(H₂O)₆]²⁺",
        2,
        6,
        "octahedral, 6 O",
        "High-spin d5: a single intense white line.",
        (Shell("O", 6, 2.18, SOL),),
        lambda: polyhedral("Mn", "octahedron", [("H2O", 2.18)] * 6),
        water=True,
    ),
    Complex(
        "cymantrene",
        "Cymantrene",
        "Mn(C₅H₅)(CO)₃",
        0,
        1,
        "piano stool, 8 C",
        "Half sandwich, half carbonyl.",
        (Shell("C", 3, 1.80, "Mn-CO, crystal structures"), Shell("C", 5, 2.14, "Mn-ring, crystal")),
        lambda: piano_stool("Mn", 1.77, 1.80),
    ),
)
