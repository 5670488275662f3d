"""Running a worker: the lock of its data folder."""

from pathlib import Path

import pytest

from app.worker import FolderInUse, lock_folder


def test_a_folder_belongs_to_one_process_and_is_free_after_it(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "data"
    with lock_folder(folder), pytest.raises(FolderInUse, match=f"another worker runs on the data folder {folder}"):
        lock_folder(folder)
    lock_folder(folder).close()


def test_nobody_else_may_look_into_it(tmp_path: Path) -> None:
    lock_folder(tmp_path / "data").close()
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0
