"""Fixtures shared by the tests."""

from pathlib import Path

import pytest

from tests.places import PROJECT

ROOT = PROJECT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of reference data beside the checkout; tests that need it skip where it is absent."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the reference data lie only beside a developer's checkout")
    return folder
