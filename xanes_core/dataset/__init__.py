"""The training set. Reading it is light; its files are named after what is done to it.

Import what changes a set from the file of that verb (``dataset.grow``, ``dataset.add``, ...): these
load FEFF10, the relaxation and the assembler.
"""

from xanes_core.dataset.training_set import TrainingSet, load_training_set

__all__ = [
    "TrainingSet", "load_training_set",
]  # fmt: skip
