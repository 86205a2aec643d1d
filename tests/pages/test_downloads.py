"""Files that pages offer: they outlive the redraw that takes their button away, not for ever."""

from __future__ import annotations

import time

import pytest
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.media_file_storage import MediaFileStorageError
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage

from pages.parts.shared.downloads import PatientFiles


class Impatient(PatientFiles):
    keep_s = 0.2


def redrawn(files):
    """What a run of the page does: forget what was drawn, and tidy up at its end."""
    files.clear_session_refs()
    files.remove_orphaned_files()


def test_what_it_replaces_is_still_there():
    for name in ("_get_inactive_file_ids", "_remove_orphaned_deferred_callables"):
        assert name in vars(MediaFileManager), "look at PatientFiles again with this Streamlit"


@pytest.mark.parametrize("store", [MediaFileManager, Impatient])
def test_a_click_during_a_redraw_still_finds_its_file(store):
    files = store(MemoryMediaFileStorage("/media"))
    late = files.add_deferred(lambda: "a,b\n", "text/csv", "0.1", "a.csv")
    redrawn(files)
    if store is MediaFileManager:  # what Streamlit does by itself: the reason for the other
        with pytest.raises(MediaFileStorageError, match="not found"):
            files.execute_deferred(late)
        return
    url = files.execute_deferred(late)
    for _ in range(3):  # other readers redraw their pages before the browser asks for the file
        redrawn(files)
    assert files.read_file(url.rpartition("/")[2].partition(".")[0]).content == b"a,b\n"


def test_a_file_in_time_is_given_up():
    files = Impatient(MemoryMediaFileStorage("/media"))
    late = files.add_deferred(lambda: "a", "text/csv", "0.1", "a.csv")
    url = files.execute_deferred(late)
    redrawn(files)
    time.sleep(0.25)
    for _ in range(2):
        redrawn(files)
    with pytest.raises(MediaFileStorageError, match="not found"):
        files.execute_deferred(late)
    assert files.read_file(url.rpartition("/")[2].partition(".")[0]) is None


def test_what_a_page_still_shows_stays():
    files = Impatient(MemoryMediaFileStorage("/media"))
    for _ in range(2):
        files.clear_session_refs()
        shown = files.add_deferred(lambda: "a", "text/csv", "0.1", "a.csv")
        files.remove_orphaned_files()
        time.sleep(0.25)
    files.remove_orphaned_files()
    assert files.execute_deferred(shown).endswith(".csv")
