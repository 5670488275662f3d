"""A data folder: its lock and its mark."""

from pathlib import Path

import pytest

from tables.data_folder import Mark, claim_folder, lock_folder
from tables.errors import FolderInUse, ForeignFolder


def test_a_folder_belongs_to_one_process_and_is_free_after_it(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "data"
    with lock_folder(folder), pytest.raises(FolderInUse, match=f"another worker runs on the data folder {folder}"):
        lock_folder(folder)
    lock_folder(folder).close()


def test_nobody_else_may_look_into_it(tmp_path: Path) -> None:
    lock_folder(tmp_path / "data").close()
    assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_a_folder_is_its_first_owners(tmp_path: Path) -> None:
    own = Mark("nearline", 12)
    for _ in range(2):
        claim_folder(tmp_path, own)
    assert Mark.read(tmp_path) == own


@pytest.mark.parametrize("other", [Mark("another", 12), Mark("nearline", 6), Mark("nearline", 12, format=2)])
def test_a_folder_of_another_application_count_or_format_is_refused_with_both(tmp_path: Path, other: Mark) -> None:
    claim_folder(tmp_path, Mark("nearline", 12))
    with pytest.raises(ForeignFolder) as refused:
        claim_folder(tmp_path, other)
    assert "state of application nearline with 12 partitions (format 1), not" in str(refused.value)
    assert str(other) in str(refused.value)
    assert Mark.read(tmp_path) == Mark("nearline", 12)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"app_id": "x"}', b'{"owner": "x"}', b"\xff"])
def test_a_mark_that_says_nothing_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "folder.json").write_bytes(content)
    with pytest.raises(ForeignFolder, match="nobody knows whose folder this is"):
        claim_folder(tmp_path, Mark("nearline", 12))
