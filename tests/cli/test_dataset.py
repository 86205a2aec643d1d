"""The commands of the training set, as a person types them."""

import json
import os
import signal
from functools import partial

import numpy as np
import pytest

from tests.dataset.test_imports import frame
from tests.growing import ToyAssembler, ToyEngine, toy_emission, toy_relax
from tests.tiny_models import tiny_model, write_training_set
from xanes_core.cli import dataset as cli_dataset
from xanes_core.cli.commands import main
from xanes_core.dataset.run import Run
from xanes_core.dataset.task import Tools
from xanes_core.dataset.training_set import load_training_set


@pytest.fixture
def toys(monkeypatch):
    """Commands draw, relax and calculate by toys."""
    tools = Tools(toy_relax, ToyEngine(seconds=0.02))
    toy_run = partial(Run, tools=tools, assembler=ToyAssembler(bad=(1,)))
    monkeypatch.setattr(cli_dataset, "Run", toy_run)
    monkeypatch.setattr(cli_dataset, "load_model", lambda key: tiny_model())
    return tools


def said(capsys):
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_grow(toys, tmp_path, capsys):
    command = ["dataset", "grow", "--elements", "V,Fe", "--count", "4", "--data", str(tmp_path)]
    assert main([*command, "--jobs", "2", "--seed", "7"]) == 0
    out, err = said(capsys)
    assert out == "4 new complexes, 2 failed, 0 were there\n"
    assert "Fe_7_00001 failed (assembly): no ligand fits" in err
    assert "V_7_00000 oct 13 atoms 0 s" in err
    assert "4/4" in err
    assert main([*command, "--seed", "7"]) == 0
    assert "all 4 of seed 7 are there: take another --seed" in said(capsys)[0]
    assert main(["dataset", "describe", "--data", str(tmp_path)]) == 0
    out, _ = said(capsys)
    assert "4 complexes, 0 held out, 0 to be packed" in out
    assert "  coordination: 2 x 6" in out
    assert "failed at assembly: 2" in out
    assert out.endswith("files: verified\n")
    assert main(["dataset", "describe", "--data", str(tmp_path), "--json"]) == 0
    assert json.loads(said(capsys)[0])["elements"]["Fe"]["kind"] == {"simple": 2}


def test_grow_where_the_model_is_unsure(toys, tmp_path, capsys):
    command = ["dataset", "grow", "--elements", "V,Fe", "--count", "2", "--strategy", "uncertain"]
    assert main([*command, "--pool", "6", "--data", str(tmp_path), "--spectra", "xanes,xes"]) == 0
    assert said(capsys)[0].startswith("2 new complexes")
    strategies = {a.info["strategy"] for a in load_training_set(tmp_path).structures}
    assert strategies == {"uncertain"}
    assert len(load_training_set(tmp_path, kind="xes")) == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_in_good_order(toys, tmp_path, capsys, monkeypatch, number):
    before = signal.getsignal(number)
    calls = []
    run = toys.engine.run

    def interrupted(*args, **options):
        calls.append(1)
        if len(calls) == 3:
            os.kill(os.getpid(), number)
        return run(*args, **options)

    monkeypatch.setattr(toys.engine, "run", interrupted)
    command = ["dataset", "grow", "--elements", "V,Fe", "--count", "6", "--data", str(tmp_path)]
    assert main(command) == 130
    assert "stopped; the same command takes it up again" in said(capsys)[0]
    assert len(load_training_set(tmp_path)) == 2
    assert signal.getsignal(number) is before
    assert main(command) == 0
    assert len(load_training_set(tmp_path)) == 6


def test_add_and_pack(toys, tmp_path, capsys):
    folder = write_training_set(tmp_path / "set", n=3)
    command = ["dataset", "add", "--spectra", "xes", "--data", str(folder)]
    assert main([*command, "--count", "1", "--order", "small"]) == 0
    assert said(capsys)[0] == "1 new complexes, 0 failed, 0 were there\n"
    (tmp_path / "made").mkdir()
    for name, mu in (("Fe_000", toy_emission("Fe")[1]), ("Fe_001", np.ones(102))):
        np.savez(tmp_path / "made" / f"{name}.npz", energy_ev=toy_emission("Fe")[0], mu=mu)
    assert main([*command, "--from", str(tmp_path / "made")]) == 0
    out, _ = said(capsys)
    assert "new xes spectra" in out
    assert "Fe_001 not taken: the emission" in out
    assert main(["dataset", "pack", "--data", str(folder)]) == 0
    assert said(capsys)[0] == "packed structures: none; spectra: none\n"


def test_import_and_grow_from_it(toys, tmp_path, capsys):
    source, pending, data = tmp_path / "tmqm.xyz", tmp_path / "pending", tmp_path / "set"
    source.write_text(frame() + frame("Zn", "ZNZNZN"))
    command = ["dataset", "import", str(source), "--out", str(pending), "--elements", "Fe"]
    assert main(command) == 0
    out, _ = said(capsys)
    assert "taken: 1 Fe\nleft out: 1 of other metals\n" in out
    assert f"grow --from {pending}" in out
    assert main(["dataset", "grow", "--from", str(pending), "--data", str(data)]) == 0
    assert said(capsys)[0] == "1 new complexes, 0 failed, 0 were there\n"
    assert load_training_set(data).names.tolist() == ["Fe_tmqm_WIXKOE"]
    assert main(command) == 2
    assert "holds structures already" in said(capsys)[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["grow"], "say what to grow with --elements Fe,Co and --count N"),
        (["grow", "--elements", "Pd", "--count", "1"], "elements must be among"),
        (["grow", "--elements", "Fe", "--count", "1", "--backend", "dask"], "belong together"),
        (["grow", "--elements", "Fe", "--count", "1", "--focus", "gold"], "cannot draw more of"),
        (["describe"], "no training set in"),
        (["add", "--spectra", "xes"], "no training set in"),
    ],
)
def test_bad_input_is_told_in_a_line(tmp_path, capsys, words, message):
    assert main(["dataset", *words, "--data", str(tmp_path)]) == 2
    assert message in said(capsys)[1]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--count", "0"], "1 or more"),
        (["--count", "1", "--kinds", "crystal"], "'crystal' is not among assembled, simple, oxo"),
        (["--count", "1", "--kinds", "oxo=many"], "invalid"),
    ],
)
def test_options_that_are_none(capsys, words, message):
    with pytest.raises(SystemExit):
        main(["dataset", "grow", "--elements", "Fe", *words])
    assert message in said(capsys)[1]


def test_kinds_have_shares():
    assert cli_dataset._shares("simple,oxo=0.25") == {"simple": 1.0, "oxo": 0.25}
