"""Draw the small pictures of the examples that the pages Home and Stories show.

From the repository root::

    OMP_NUM_THREADS=1 python -m data.examples.draw_pictures

Each shows the structure beside the spectrum that the model which knows it best predicts; draw them
again when models or examples change.
"""

from __future__ import annotations

import sys
from pathlib import Path

from xanes_core.files import write_bytes
from xanes_core.model import list_models, load_model
from xanes_core.plots import thumbnail_svg
from xanes_core.structures import list_examples, load_example

FOLDER = Path(__file__).resolve().parent / "pictures"


def main() -> int:
    """Write a picture of every example."""
    total = 0
    for example in list_examples():
        atoms = load_example(example.key)
        models = [load_model(card.key) for card in list_models(example.element, "xanes")]
        predictions = [model.predict(atoms, example.absorber) for model in models]
        best = min(predictions, key=lambda one: float((one.upper - one.lower).mean()))
        svg = thumbnail_svg(atoms, best).encode()
        write_bytes(FOLDER / f"{example.key}.svg", svg)
        total += len(svg)
    print(f"{len(list_examples())} pictures, {total / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
