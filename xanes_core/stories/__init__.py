"""Guided stories for a class: what to show, what to ask, and claims that are checked.

>>> from xanes_core.stories import list_stories
>>> list_stories()[0].title  # doctest: +SKIP
"""

from xanes_core.stories.claims import CheckedClaim, Shown, check_claim
from xanes_core.stories.story import (
    MAX_BYTES,
    MAX_TEXT,
    CurveSpec,
    Link,
    Mark,
    Step,
    Story,
    list_stories,
    read_story,
)
from xanes_core.stories.theory import (
    has_theory,
    stored_theory,
    story_atoms,
    structure_sha256,
    theory_key,
)

__all__ = [
    "MAX_BYTES",
    "MAX_TEXT",
    "CheckedClaim",
    "CurveSpec",
    "Link",
    "Mark",
    "Shown",
    "Step",
    "Story",
    "check_claim",
    "has_theory",
    "list_stories",
    "read_story",
    "stored_theory",
    "story_atoms",
    "structure_sha256",
    "theory_key",
]
