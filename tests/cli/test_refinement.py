"""The commands fit and rank."""

import json

import ase.io
import numpy as np
import pytest

from xanes_core.cli.commands import main
from xanes_core.model import load_model
from xanes_core.structures import apply_moves, load_example, parse_move

EXAMPLE = "hexaaquairon-ii"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A spectrum of iron whose bonds are 0.05 A longer, and structures."""
    folder = tmp_path_factory.mktemp("fit")
    atoms = load_example(EXAMPLE)
    longer = apply_moves(atoms, 0, [parse_move("all")], [0.05])
    found = load_model("feff10-3d").predict(longer, 0)
    table = np.column_stack([found.energy_ev + 1.5, found.mu])
    np.savetxt(folder / "iron.csv", table, delimiter=",", header="energy_ev,mu_norm", comments="")
    ase.io.write(folder / "start.xyz", atoms, format="xyz")
    ase.io.write(folder / "longer.xyz", longer, format="xyz")
    ase.io.write(folder / "cobalt.xyz", load_example("hexaaquacobalt-ii"), format="xyz")
    (folder / "bad.xyz").write_text("nothing")
    return folder


def run(files, *words):
    return main([str(files / w) if "." in w and w[0].isalpha() else w for w in words])


def test_fit_says_what_it_found(files, capsys):
    words = ("fit", "iron.csv", "start.xyz", "--move", "all", "--model", "feff10-3d")
    assert run(files, *words, "--json", "--out", str(files / "fitted.xyz")) == 0
    told = json.loads(capsys.readouterr().out)
    wanted = {"parameters", "shift_ev", "scale", "misfit", "verdict", "notes"}
    assert wanted <= set(told)
    one = told["parameters"][0]
    assert {"name", "value", "low68", "high68", "low90", "high90", "unit"} <= set(one)
    assert (one["name"], one["unit"]) == ("all", "A")
    assert one["low90"] < 0.05 < one["high90"]
    fitted = ase.io.read(files / "fitted.xyz")
    start = ase.io.read(files / "start.xyz")
    grown = (fitted.get_distances(0, range(1, 7)) - start.get_distances(0, range(1, 7))).max()
    assert grown == pytest.approx(one["value"], abs=1e-3)


def test_rank_puts_the_right_one_first(files, capsys):
    words = ("rank", "iron.csv", "start.xyz", "longer.xyz", "cobalt.xyz", "bad.xyz", "--json")
    assert run(files, *words) == 2
    captured = capsys.readouterr()
    rows = json.loads(captured.out)
    assert [row["file"].rpartition("/")[2] for row in rows] == [
        "longer.xyz", "start.xyz", "cobalt.xyz",
    ]  # fmt: skip
    assert {"file", "probability", "misfit", "shift_ev", "verdict"} <= set(rows[0])
    assert rows[2]["misfit"] is None
    assert "its absorber is Co" in rows[2]["note"]
    assert "bad.xyz: " in captured.err
    assert run(files, "rank", "iron.csv", "start.xyz", "longer.xyz") == 0
    assert "probability" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fit", "iron.csv", "cobalt.xyz", "--move", "all"), "Co"),
        (("fit", "iron.csv", "start.xyz", "--move", "wag"), "There is no move 'wag'"),
        (("fit", "iron.csv", "start.xyz", "--move", "all", "--window", "200", "300"), "outside"),
        (("fit", "iron.csv", "start.xyz", "--move", "all", "--window", "0", "4"), "are needed"),
        (("rank", "iron.csv", "bad.xyz"), "none of the structures can be read"),
    ],
)
def test_bad_input_is_told(files, capsys, words, said):
    assert run(files, *words) == 2
    assert said in capsys.readouterr().err
