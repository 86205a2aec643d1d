"""A motion as numbers for a browser, as a page of its own and as an animated picture."""

import io
import json
import re

import numpy as np
import pytest
from ase import Atoms
from PIL import Image
from scipy.spatial.distance import pdist

from xanes_core.constants import ABSORBERS
from xanes_core.errors import StructureError
from xanes_core.model import VERDICTS, load_model
from xanes_core.plots.animation import MOST_FRAMES, motion_gif
from xanes_core.plots.motion import (
    MOST_STEPS,
    make_motion,
    motion_data,
    motion_html,
    motion_values,
)
from xanes_core.structures import Movable, load_example, parse_move

MODEL = load_model("Fe")


def moving(key="hexaaquairon-ii", text="all", **options):
    body = Movable(load_example(key), 0)
    return make_motion(body, parse_move(text), MODEL.predict_many, title="Mine", **options)


@pytest.fixture(scope="module")
def stretched():
    return moving()


@pytest.fixture(scope="module")
def metals():
    return moving(text="metal:Co")


@pytest.mark.parametrize(
    ("low", "high", "step"),
    [
        (-0.3, 0.5, 0.02),
        (-0.24, 0.5, 0.02),
        (-25, 25, 1),
        (-36, 36, 2),
        (0, 90, 2),
        (-0.1, 0, 0.005),
    ],
)
def test_values_come_in_easy_steps_with_zero_among_them(low, high, step):
    values = motion_values(low, high)
    assert 0.0 in values
    assert len(values) <= MOST_STEPS + 1
    np.testing.assert_allclose(np.diff(values), step)
    assert low - 1e-9 <= values[0] < low + step
    assert high - step < values[-1] <= high + 1e-9


@pytest.mark.parametrize(
    ("low", "high", "sentence"),
    [(0, 0, "nothing to move"), (0.1, 0.2, "nothing to move"), (-1e6, 1e6, "too wide")],
)
def test_ranges_that_make_no_sense(low, high, sentence):
    with pytest.raises(StructureError, match=sentence):
        motion_values(low, high)


def test_every_step_is_predicted_as_if_alone(stretched):
    assert stretched.label == "All six Fe–O bonds"
    assert stretched.values[stretched.first] == 0
    for step in (0, stretched.first, len(stretched.values) - 1):
        alone = MODEL.predict(*stretched.frames[step])
        np.testing.assert_allclose(stretched.predictions[step].mu, alone.mu, atol=1e-6)
    np.testing.assert_allclose(
        stretched.amounts, stretched.values + stretched.amounts[stretched.first]
    )


def test_a_range_can_be_chosen():
    assert moving(limits=(-0.1, 0.1)).values[[0, -1]] == pytest.approx([-0.1, 0.1])


def test_the_browser_gets_numbers_names_and_colours(stretched):
    data = motion_data(stretched)
    assert json.loads(json.dumps(data)) == data
    n, m = len(stretched.values), 19
    assert (len(data["positions"]), len(data["positions"][0])) == (n, 3 * m)
    for name in ("curves", "lower", "upper"):
        np.testing.assert_allclose(
            data[name],
            [getattr(p, {"curves": "mu"}.get(name, name)) for p in stretched.predictions],
            atol=5e-5,
        )
    # turned to be seen well, but the same structure
    for step in (0, n - 1):
        shown = np.reshape(data["positions"][step], (-1, 3))
        np.testing.assert_allclose(
            pdist(shown), pdist(stretched.frames[step][0].positions), atol=3e-3
        )
    assert [VERDICTS[v["rank"]] for v in data["verdicts"]] == [
        p.domain.level for p in stretched.predictions
    ]
    assert all(v["reason"][:1].isupper() for v in data["verdicts"])
    edges = data["features"]["edge_half_ev"]
    assert edges[0] > edges[-1]  # longer bonds, a lower edge
    assert data["theory"]["steps"] == []


def test_a_mirrored_structure_would_be_another_one():
    """Turned for the view, but never mirrored."""
    motion = moving("iron-tris-bipyridine")
    before = motion.frames[0][0].positions
    after = np.reshape(motion_data(motion)["positions"][0], (-1, 3))
    hand = [np.linalg.det(p[[1, 5, 9]] - p[0]) for p in (before, after)]
    assert abs(hand[0]) > 1
    assert hand[0] == pytest.approx(hand[1], rel=0.02)


def test_what_theory_says_lies_on_its_step(stretched):
    truth = stretched.predictions[5].mu + 0.1
    theory = motion_data(stretched, {5: truth})["theory"]
    assert theory["steps"] == [5]
    np.testing.assert_allclose(theory["curves"][0], truth, atol=1e-4)
    assert len(theory["features"]["white_line_ev"]) == 1


def test_two_structures_of_one_name_are_told_apart(stretched):
    other = load_example("hexaaquairon-ii")
    other.positions[1] += 0.01
    again = make_motion(Movable(other, 0), parse_move("all"), MODEL.predict_many, title="Mine")
    assert motion_data(again)["id"] != motion_data(stretched)["id"]
    assert motion_data(moving())["id"] == motion_data(stretched)["id"]


def test_the_metals_stand_in_a_row(metals):
    assert metals.ticks == ABSORBERS
    assert metals.ticks[metals.first] == "Fe"
    assert [p.element for p in metals.predictions] == list(ABSORBERS)
    atoms, site = metals.frames[metals.first]
    np.testing.assert_allclose(atoms.positions, load_example("hexaaquairon-ii").positions)
    assert atoms.symbols[site] == "Fe"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("remove:1", "no range to slide"), ("ligand:9", "There is no ligand 9"),
     ("angle:1,2", "lie on one line")],
)  # fmt: skip
def test_motions_that_cannot_be(text, sentence):
    with pytest.raises(StructureError, match=sentence):
        moving(text=text)


def test_an_absorber_beyond_the_models_has_no_row_of_metals():
    body = Movable(Atoms("ZrCl2", [[0, 0, 0], [2.4, 0, 0], [-2.4, 0, 0]]), 0)
    with pytest.raises(StructureError, match="Zr is none of Ti"):
        make_motion(body, parse_move("metal:Co"), MODEL.predict_many, title="")


def test_the_file_holds_everything_and_no_name_breaks_out(stretched):
    data = motion_data(stretched) | {"title": "</script><script>alert(1)</script>", "start": 3}
    page = motion_html(data, b"window.$3Dmol = '</script>'")
    assert r"window.$3Dmol = '<\/script>'" in page
    assert "alert(1)" in page
    assert "<script>alert" not in page
    held = re.search(r'id="motion-data">(.*?)</script>', page, re.DOTALL).group(1)
    assert json.loads(held) == data
    assert not re.search(r"<\w+[^>]*\s(src|href)=|https?://|@import|url\(", page)
    assert "export default" not in page
    assert page.count("<script") == page.count("</script>") == 3


@pytest.mark.parametrize("name", ["stretched", "metals"])
def test_the_picture_moves(request, name):
    motion = request.getfixturevalue(name)
    stride = -(-len(motion.values) // MOST_FRAMES)
    step = max(s for s in range(motion.first, len(motion.values), stride))
    data = motion_data(motion, {step: motion.predictions[step].mu})
    picture = Image.open(io.BytesIO(motion_gif(data)))
    assert picture.format == "GIF"
    assert picture.info["loop"] == 0
    shown = 9 if motion.ticks else picture.n_frames // 2 + 1
    assert 9 <= shown <= MOST_FRAMES
    frames = []
    for frame in (0, shown - 1):
        picture.seek(frame)
        frames.append(np.asarray(picture.convert("RGB")).astype(int))
    assert (np.abs(frames[0] - frames[1]).max(axis=-1) > 60).mean() > 0.005
    pink, orange = (204, 121, 167), (194, 125, 0)
    for colour, where in ((pink, frames[0]), (orange, frames[1])):
        assert (np.abs(where - colour).max(axis=-1) < 25).sum() > 40
    assert np.abs(frames[0][2, 2] - 255).max() < 3  # on white


def test_theory_is_drawn_at_its_step_alone(stretched):
    first = motion_data(stretched, {stretched.first: stretched.predictions[0].mu})
    picture = Image.open(io.BytesIO(motion_gif(first)))
    picture.seek(0)
    orange = np.abs(np.asarray(picture.convert("RGB")).astype(int) - (194, 125, 0)).max(axis=-1)
    assert (orange < 12).sum() < 5
