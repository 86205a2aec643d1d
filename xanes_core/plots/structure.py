"""The 3D view as plain numbers: atoms, bonds, labels and shells around an absorber.

A scene holds only numbers, element symbols and colours made here, so that no text of an uploaded
file can reach a browser's script. The app draws it with 3Dmol.js; where that script is missing,
:func:`structure_figure` draws the same scene with plotly. :func:`notebook_view` is for notebooks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
from ase import Atoms
from ase.data import chemical_symbols
from ase.data.colors import jmol_colors
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from xanes_core.constants import NONMETALS, R_CUT_ANG
from xanes_core.errors import StructureError
from xanes_core.plots.style import ABSORBER, LIGHT, Look, style_figure
from xanes_core.structures import Environment, bond_limit_ang, environment

if TYPE_CHECKING:
    import py3Dmol

#: Above this many atoms only the absorber's surroundings are drawn.
MAX_ATOMS = 1500
#: Radii that the distance shells may have (A): first shell, second shell, what the model sees.
SHELLS_ANG = (2.5, 4.0, 6.0)
#: A drawn bond ends before a counted one (1.25 times the sum of the covalent radii), for a picture
#: has no rule for carbons that stand behind the donors: of the 117 bonds more that 1.25 draws in
#: every fifth complex of the training set, 58 tie Ti or V to such a carbon.
DRAWN_BOND_FACTOR = 1.22
_MAX_BOND_ANG = 3.4
_HEX = re.compile(r"#[0-9A-Fa-f]{6}")
#: Directions that a first view is chosen from, evenly over the sphere.
_N_DIRECTIONS = 400
#: What a hidden absorber counts in the choice, where an atom of its first shell counts 1.
_ABSORBER_WEIGHT = 4.0
#: What atoms behind which nothing of interest lies count, so that a picture is wide and not deep.
_DEPTH_WEIGHT = 0.02
# the elements of ligands in their usual hues, softened so that they go with the other colours;
# white and yellow would vanish on a light page
_COLOURS = {
    1: "#C3CAD3",
    5: "#D9A58C",
    6: "#868D97",
    7: "#6488D0",
    8: "#D8695B",
    9: "#93C47D",
    14: "#C9AE8C",
    15: "#DE9447",
    16: "#D9BC4F",
    17: "#5FB07F",
    34: "#C98A3C",
    35: "#A65B4B",
    53: "#8D63A8",
}


def scene(
    atoms: Atoms,
    absorber: int | Sequence[int] = 0,
    *,
    labels: bool = False,
    shells_ang: Sequence[float] = (),
    max_atoms: int = MAX_ATOMS,
    colours: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Everything a 3D view of `atoms` needs, ready for JSON.

    Parameters
    ----------
    atoms : ase.Atoms
        Molecule or crystal; not changed.
    absorber : int or sequence of int
        Marked atoms; the first is the centre of the view and of the shells.
    labels : bool
        Whether the atoms carry their symbol and number, counted from 1; hydrogen goes without.
    shells_ang : sequence of float
        Radii of translucent spheres around the absorber (A).
    max_atoms : int
        Larger structures, and all crystals, show only the atoms within 6 A of the absorber.
    colours : sequence of str, optional
        Hex colour for every atom of the structure instead of those of the elements; the absorber
        keeps its own.

    Returns
    -------
    dict
        ``atoms`` (list of symbol, x, y, z in A from the absorber, colour, radius_ang, absorber,
        label, index in the structure), ``bonds`` (index pairs), ``shells`` (radii), ``view`` (the
        first turn, of :func:`first_view`), ``text`` (the scene in words, for those who do not see
        it), ``note`` (sentence or ``""``). A reader may add ``highlight``, indices in the
        structure of atoms that get a halo.

    Raises
    ------
    StructureError
        When an absorber index is out of range, a radius is not positive, or colours are not one
        ``#RRGGBB`` for each atom.
    """
    marked = np.atleast_1d(np.asarray(absorber, dtype=int)).tolist()
    if not marked or not all(0 <= i < len(atoms) for i in marked):
        raise StructureError(f"The absorber must be an index from 0 to {len(atoms) - 1}")
    if any(not (np.isfinite(r) and r > 0) for r in shells_ang):
        raise StructureError("A distance shell needs a positive radius")
    if colours is not None and (
        len(colours) != len(atoms) or not all(_HEX.fullmatch(c) for c in colours)
    ):
        raise StructureError(f"{len(atoms)} colours such as #0072B2 are needed, one for each atom")
    centre = marked[0]
    if atoms.pbc.any() or len(atoms) > max_atoms:
        numbers, positions, flags, names, indices = _surroundings(atoms, centre, max_atoms)
        note = f"Showing the {len(numbers)} atoms within {R_CUT_ANG:g} \u00c5 of the absorber."
    else:
        numbers = atoms.numbers
        positions = atoms.positions - atoms.positions[centre]
        chosen = set(marked)
        flags = [i in chosen for i in range(len(atoms))]
        names = [f"{chemical_symbols[z]}{i + 1}" for i, z in enumerate(numbers)]
        indices = list(range(len(atoms)))
        note = ""
    view: dict[str, Any] = {
        "atoms": [
            _atom(int(z), p, flag, name if labels and z != 1 else "")
            | {"index": int(i)}
            | ({"colour": colours[i]} if colours is not None and not flag else {})
            for z, p, flag, name, i in zip(numbers, positions, flags, names, indices, strict=True)
        ],
        "bonds": _bonds(np.asarray(numbers), np.asarray(positions)),
        "shells": sorted(float(r) for r in shells_ang),
        "note": note,
    }
    radii_ang = np.array([atom["radius_ang"] for atom in view["atoms"]])
    first = next(i for i, index in enumerate(indices) if index == centre)
    shell = [j if i == first else i for i, j in view["bonds"] if first in (i, j)]
    turn = first_view(np.asarray(positions), radii_ang, [first, *shell])
    return view | {"view": turn.tolist(), "text": _text(view, first, shell)}


def first_view(positions: np.ndarray, radii_ang: np.ndarray, shown: Sequence[int]) -> np.ndarray:
    """Turn of a structure that hides least of its absorber and first shell.

    Of 400 directions the one with the smallest sum, over what is to be seen, of
    exp(-(d / (R_i + R_j))^2) for every atom j in front of atom i, d apart on the screen: a rule of
    thumb. Of equal ones the first is taken. What is then widest lies from left to right.

    Parameters
    ----------
    positions : numpy.ndarray, (n, 3)
        Atoms (A).
    radii_ang : numpy.ndarray, (n,)
        Their drawn radii (A).
    shown : sequence of int
        Rows of what is to be seen, the absorber first.

    Returns
    -------
    numpy.ndarray, (4,)
        Unit quaternion x, y, z, w that turns the structure before a reader who looks along -z.
    """
    directions = _sphere_points(_N_DIRECTIONS)
    cost = np.zeros(len(directions))
    for rank, i in enumerate(shown):
        apart = positions - positions[i]
        towards = apart @ directions.T
        across2 = np.maximum((apart**2).sum(axis=1)[:, None] - towards**2, 0.0)
        reach2 = (radii_ang + radii_ang[i])[:, None] ** 2
        hidden = np.where(towards > 1e-6, np.exp(-across2 / reach2), 0.0).sum(axis=0)
        cost += hidden * (_ABSORBER_WEIGHT if rank == 0 else 1.0)
    centred = positions - positions.mean(axis=0)
    depth = np.sqrt(((centred @ directions.T) ** 2).mean(axis=0))
    cost += _DEPTH_WEIGHT * depth
    towards_reader = directions[int(np.argmin(cost.round(9)))]
    flat = centred - np.outer(centred @ towards_reader, towards_reader)
    _, _, axes = np.linalg.svd(flat, full_matrices=True)
    right = axes[0] - (axes[0] @ towards_reader) * towards_reader
    if np.linalg.norm(right) < 1e-6:  # all atoms in one line of sight
        right = np.cross(towards_reader, np.eye(3)[int(np.argmin(np.abs(towards_reader)))])
    right /= np.linalg.norm(right)
    if right[int(np.argmax(np.abs(right)))] < 0:  # the sign of a singular vector is arbitrary
        right = -right
    frame = np.array([right, np.cross(towards_reader, right), towards_reader])
    return np.asarray(Rotation.from_matrix(frame).as_quat().round(6))


def _sphere_points(n: int) -> np.ndarray:
    """Directions evenly over the sphere, (n, 3), along a golden spiral."""
    i = np.arange(n) + 0.5
    z = 1.0 - 2.0 * i / n
    turn = np.pi * (1.0 + np.sqrt(5.0)) * i
    flat = np.sqrt(1.0 - z**2)
    return np.column_stack([flat * np.cos(turn), flat * np.sin(turn), z])


def _text(view: Mapping[str, Any], first: int, shell: Sequence[int]) -> str:
    """A scene in words: formula, absorber, what is bonded to it and how far away."""
    atoms = view["atoms"]
    symbols = [atom["symbol"] for atom in atoms]
    absorber = atoms[first]
    name = f"{absorber['symbol']} (atom {absorber['index'] + 1})"
    what = f"{Atoms(symbols).get_chemical_formula('metal')}, {len(atoms)} atoms."
    if not shell:
        return f"Structure {what} Absorber {name}, without bonds."
    own = np.array([absorber[axis] for axis in "xyz"])
    by_element: dict[str, list[float]] = {}
    for i in shell:
        place = np.array([atoms[i][axis] for axis in "xyz"])
        by_element.setdefault(symbols[i], []).append(float(np.linalg.norm(place - own)))
    parts = []
    for element, distances in sorted(by_element.items()):
        near, far = f"{min(distances):.2f}", f"{max(distances):.2f}"
        span = near if near == far else f"{near} to {far}"
        parts.append(f"{len(distances)} {element} at {span} \u00c5")
    return (
        f"Structure {what} Absorber {name}, coordination number {len(shell)}: {', '.join(parts)}."
    )


def element_colour(number: int) -> str:
    """Colour (hex) of an element in 3D view and histogram: Jmol's, softened for ligands.

    Elements that Jmol has no colour for have that of its last one.
    """
    if number in _COLOURS:
        return _COLOURS[number]
    red, green, blue = (
        round(255 * float(c)) for c in jmol_colors[min(number, len(jmol_colors) - 1)]
    )
    return f"#{red:02X}{green:02X}{blue:02X}"


def structure_figure(view: dict[str, Any], *, look: Look = LIGHT) -> go.Figure:
    """Plainer 3D view of a :func:`scene` with plotly, for browsers without the viewer's script."""
    figure = go.Figure()
    xyz = np.array([[a["x"], a["y"], a["z"]] for a in view["atoms"]]).reshape(-1, 3)
    if view["bonds"]:
        ends = np.array(view["bonds"])
        lines = np.full((len(ends), 3, 3), np.nan)
        lines[:, 0], lines[:, 1] = xyz[ends[:, 0]], xyz[ends[:, 1]]
        x, y, z = lines.reshape(-1, 3).T
        figure.add_scatter3d(
            x=x, y=y, z=z, mode="lines", line={"color": "#8A8F98", "width": 5}, hoverinfo="skip"
        )
    radius_px = [26 * a["radius_ang"] for a in view["atoms"]]
    figure.add_scatter3d(
        x=xyz[:, 0],
        y=xyz[:, 1],
        z=xyz[:, 2],
        mode="markers+text" if any(a["label"] for a in view["atoms"]) else "markers",
        marker={
            "size": radius_px,
            "color": [a["colour"] for a in view["atoms"]],
            "line": {"color": "#555B66", "width": 1},
            "opacity": 1.0,
        },
        text=[a["label"] for a in view["atoms"]],
        customdata=np.column_stack(
            [[a["symbol"] for a in view["atoms"]], np.linalg.norm(xyz, axis=1).round(2)]
        ),
        hovertemplate="%{customdata[0]}, %{customdata[1]} \u00c5 from the absorber<extra></extra>",
    )
    for radius in view["shells"]:
        figure.add_trace(_sphere(radius))
    style_figure(figure, look.sized(420))
    hidden = {"visible": False}
    figure.update_layout(
        showlegend=False,
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        scene={"xaxis": hidden, "yaxis": hidden, "zaxis": hidden, "aspectmode": "data"},
        font={"color": look.ink},
        uirevision="structure",
    )
    return figure


def notebook_view(
    view: dict[str, Any], *, size_px: tuple[int, int] = (480, 360), **options: Any
) -> py3Dmol.view:
    """Show a :func:`scene` in a notebook with py3Dmol.

    Parameters
    ----------
    view : dict
        From :func:`scene`.
    size_px : (int, int)
        Width and height.
    **options
        Passed to ``py3Dmol.view``, such as ``js``, the address of the viewer's script.

    Returns
    -------
    py3Dmol.view
        Displays itself as the last line of a cell.
    """
    import py3Dmol

    # the text is made of symbols and numbers only: py3Dmol does not escape what it is given
    rows = [f"{a['symbol']} {a['x']:.4f} {a['y']:.4f} {a['z']:.4f}" for a in view["atoms"]]
    shown = py3Dmol.view(width=size_px[0], height=size_px[1], **options)
    shown.addModel("\n".join([str(len(rows)), "", *rows]), "xyz")
    for i, atom in enumerate(view["atoms"]):
        sphere = {"radius": atom["radius_ang"], "color": atom["colour"]}
        shown.setStyle({"index": i}, {"sphere": sphere, "stick": {"radius": 0.1}})
        if atom["label"]:
            at = {axis: atom[axis] for axis in "xyz"}
            shown.addLabel(atom["label"], {"position": at, "inFront": True, "fontSize": 11})
    for radius in view["shells"]:
        origin = {"x": 0, "y": 0, "z": 0}
        shown.addSphere({"center": origin, "radius": radius, "color": ABSORBER, "opacity": 0.2})
    shown.zoomTo()
    return shown


def _atom(number: int, position: np.ndarray, is_absorber: bool, label: str) -> dict[str, Any]:
    x, y, z = (round(float(c), 4) for c in position)
    radius = 0.2 if number == 1 else 0.32
    return {
        "symbol": chemical_symbols[number],
        "x": x,
        "y": y,
        "z": z,
        "colour": ABSORBER if is_absorber else element_colour(number),
        "radius_ang": 0.55 if is_absorber else radius,
        "absorber": bool(is_absorber),
        "label": label,
    }


def _surroundings(
    atoms: Atoms, centre: int, max_atoms: int
) -> tuple[np.ndarray, np.ndarray, list[bool], list[str], list[int]]:
    """Absorber first, then its neighbours by distance; of a crystal also the periodic images."""
    around = environment(atoms, centre)
    keep = slice(0, max_atoms - 1)
    numbers = np.concatenate([[around.absorber_z], around.numbers[keep]])
    positions = np.vstack([np.zeros(3), around.positions_ang[keep]])
    flags = [True] + [False] * (len(numbers) - 1)
    names = [chemical_symbols[z] for z in numbers]
    indices = [centre, *indexed_environment(atoms, centre).numbers[keep].tolist()]
    return numbers, positions, flags, names, indices


def indexed_environment(atoms: Atoms, centre: int, r_cut_ang: float = R_CUT_ANG) -> Environment:
    """Neighbours of an atom whose ``numbers`` are their indices in the structure.

    Raises
    ------
    StructureError
        As :func:`xanes_core.structures.environment`.
    """
    # an environment keeps atomic numbers: let them be indices
    labelled = Atoms(
        numbers=np.arange(len(atoms)), positions=atoms.positions, cell=atoms.cell, pbc=atoms.pbc
    )
    return environment(labelled, centre, r_cut_ang)


def _bonds(numbers: np.ndarray, positions: np.ndarray) -> list[list[int]]:
    """Pairs (i < j) nearer than the scaled sum of covalent radii.

    No bonds between hydrogens, nor between metals that share a neighbour, as in oxides.
    """
    if len(numbers) < 2:
        return []
    pairs = cKDTree(positions).query_pairs(_MAX_BOND_ANG, output_type="ndarray")
    if not len(pairs):
        return []
    i, j = pairs.T
    distance = np.linalg.norm(positions[i] - positions[j], axis=1)
    limit = bond_limit_ang(numbers[i], numbers[j], DRAWN_BOND_FACTOR)
    bonded = (distance < limit) & ~((numbers[i] == 1) & (numbers[j] == 1))
    return _without_bridged_metals(numbers, sorted([int(a), int(b)] for a, b in pairs[bonded]))


def _without_bridged_metals(numbers: np.ndarray, bonds: list[list[int]]) -> list[list[int]]:
    """Bonds less those between metals of a pair of elements that an atom bridges somewhere."""
    metal = ~np.isin(numbers, NONMETALS)
    bridges: dict[int, set[int]] = {}
    between = []
    for i, j in bonds:
        if metal[i] and metal[j]:
            between.append((i, j))
        elif metal[i] != metal[j]:
            bridges.setdefault(i if metal[i] else j, set()).add(j if metal[i] else i)
    # by elements, because at the rim of the view the bridging atom may be cut off
    bridged = {
        frozenset((int(numbers[i]), int(numbers[j])))
        for i, j in between
        if bridges.get(i, set()) & bridges.get(j, set())
    }
    return [
        [i, j]
        for i, j in bonds
        if not (metal[i] and metal[j] and frozenset((int(numbers[i]), int(numbers[j]))) in bridged)
    ]


def _sphere(radius_ang: float) -> go.Surface:
    theta, phi = np.meshgrid(np.linspace(0, np.pi, 19), np.linspace(0, 2 * np.pi, 37))
    return go.Surface(
        x=radius_ang * np.sin(theta) * np.cos(phi),
        y=radius_ang * np.sin(theta) * np.sin(phi),
        z=radius_ang * np.cos(theta),
        opacity=0.12,
        showscale=False,
        colorscale=[[0, ABSORBER], [1, ABSORBER]],
        hoverinfo="skip",
    )
