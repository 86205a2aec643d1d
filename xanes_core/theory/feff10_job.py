"""The part of a FEFF10 run that happens in the worker process; needs ``feff10`` alone."""

from __future__ import annotations

from collections.abc import Callable

#: Stages of a XANES or XES run in order, with what they do. The other programs of FEFF10 (optical
#: constants, Compton profile ...) do nothing without their own cards; the spectrum is the same.
STAGES = {
    "rdinp": "reading the input",
    "atomic": "free atoms",
    "pot": "self-consistent potentials",
    "xsph": "phase shifts",
    "fms": "full multiple scattering",
    "mkgtr": "transition matrix",
    "path": "scattering paths",
    "genfmt": "path amplitudes",
    "ff2x": "spectrum",
}


def run_stages(job: dict[str, str], report: Callable[[str], None]) -> None:
    """Run FEFF10 in ``job["folder"]`` on ``job["input"]``, reporting each stage as it starts.

    ``job["last"]`` may name the stage to stop after.
    """
    import feff10

    def progress(stage: feff10.Stage, state: feff10.StageProgress) -> None:
        if state.kind == "starting":
            report(stage.executable_name)

    names = list(STAGES)
    names = names[: names.index(job.get("last", names[-1])) + 1]
    config = feff10.FeffConfig(
        job["folder"],
        feff10.FeffInput.parse(job["input"]),
        stages=[feff10.Stage.from_name(name) for name in names],
    )
    feff10.FeffPipeline(config).run_with_progress(progress)
