"""Checkpoints: what comes back is what was there, and nothing is written over."""

import shutil
from pathlib import Path

import pytest

from tables.applied_offset import APPLIED_OFFSET
from tables.checkpoint import copy_stopped, restore, write_checkpoint
from tables.data_folder import Mark, lock_folder, partition_folder
from tables.errors import ForeignFolder, PartitionCorrupt, StateUnusable, TableError
from tables.partition_check import check_partition
from tables.partition_folders import condemn
from tests.support.partition_folders import CHANGELOG, close_table, fill, held_at, open_table, stored
from tests.support.torn_files import cut, flip_rows, newest

MARK = Mark("test", 1)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A stopped worker's data folder with everything in it."""
    data = tmp_path / "data"
    fill(data)
    MARK.write(data)
    return data


def sound(partition: int, folder: Path) -> None:
    problems = check_partition(partition, folder, lambda key, row: None, lambda key, row: None).problems
    if problems:
        raise StateUnusable(problems[0])


def bring_back(source: Path, data: Path, mark: Mark = MARK) -> list[int]:
    with lock_folder(data):
        return restore(source, data, mark, sound)


def check_holds_everything(data: Path) -> None:
    table, heard = open_table(data)
    assert stored(table) == held_at(len(CHANGELOG) - 1)
    assert table.changelog_offset(0) == len(CHANGELOG) - 1
    assert heard.aside == []
    close_table(table)


def test_what_is_restored_is_what_was_there(data: Path, tmp_path: Path) -> None:
    assert copy_stopped(data, tmp_path / "copy", MARK) == [0]
    table, _ = open_table(data)  # life goes on beside the copy
    table.commit(0, {b"u000100": APPLIED_OFFSET.pack(40_000)}, len(CHANGELOG))
    close_table(table)
    assert bring_back(tmp_path / "copy", tmp_path / "new") == [0]
    check_holds_everything(tmp_path / "new")
    assert Mark.read(tmp_path / "new") == MARK
    shutil.rmtree(data)
    bring_back(tmp_path / "copy", data)  # and once more
    check_holds_everything(data)


def test_a_checkpoint_of_an_open_database_holds_what_is_in_memory(data: Path, tmp_path: Path) -> None:
    table, _ = open_table(data)
    table.commit(0, {b"u000100": APPLIED_OFFSET.pack(40_000)}, len(CHANGELOG))
    database = table.database(0)
    assert database is not None
    write_checkpoint(database, tmp_path / "users-0.db")
    rows: dict[bytes, bytes] = {}
    report = check_partition(0, tmp_path / "users-0.db", lambda key, row: None, rows.__setitem__)
    assert rows[b"u000100"] == APPLIED_OFFSET.pack(40_000)
    assert report.changelog_offset == len(CHANGELOG)
    with pytest.raises(StateUnusable, match="could not write the checkpoint"):
        write_checkpoint(database, tmp_path / "users-0.db")
    del database
    close_table(table)


def test_a_checkpoint_is_not_written_over_anything(data: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    with pytest.raises(StateUnusable, match="exists; a checkpoint goes into a folder of its own"):
        copy_stopped(data, tmp_path / "copy", MARK)


def test_a_folder_without_tables_has_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(StateUnusable, match="holds no partition of the users table"):
        copy_stopped(tmp_path, tmp_path / "copy", MARK)
    assert not (tmp_path / "copy").exists()


def test_what_cannot_be_believed_is_not_copied(data: Path, tmp_path: Path) -> None:
    folder = partition_folder(data, 0)
    condemn(folder, "found in a test")
    with pytest.raises(StateUnusable, match="it is no copy: found in a test"):
        copy_stopped(data, tmp_path / "copy", MARK)
    folder.with_name("users-0.db.condemned").unlink()
    cut(newest(folder), 0.5)
    with pytest.raises(PartitionCorrupt):
        copy_stopped(data, tmp_path / "copy", MARK)
    assert not (tmp_path / "copy").exists(), "half a checkpoint has no name"


def test_a_copy_that_was_interrupted_is_no_checkpoint_and_in_nobodys_way(data: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.unfinished" / "users-0.db").mkdir(parents=True)
    with pytest.raises(StateUnusable, match="is no checkpoint"):
        bring_back(tmp_path / "copy.unfinished", tmp_path / "new")
    copy_stopped(data, tmp_path / "copy", MARK)
    assert not (tmp_path / "copy.unfinished").exists()


def test_a_restore_writes_over_nothing(data: Path, tmp_path: Path) -> None:
    copy_stopped(data, tmp_path / "copy", MARK)
    with pytest.raises(StateUnusable, match=r"is not empty, users-0\.db is there; move it away"):
        bring_back(tmp_path / "copy", data)
    check_holds_everything(data)


@pytest.mark.parametrize("other", [Mark("another", 1), Mark("test", 2)])
def test_a_checkpoint_of_another_application_or_count_is_refused(data: Path, tmp_path: Path, other: Mark) -> None:
    copy_stopped(data, tmp_path / "copy", MARK)
    with pytest.raises(ForeignFolder, match="holds the state of application test with 1 partitions"):
        bring_back(tmp_path / "copy", tmp_path / "new", other)
    with pytest.raises(ForeignFolder):
        copy_stopped(data, tmp_path / "copy of another's", other)


def test_a_rotten_checkpoint_leaves_the_data_folder_empty(data: Path, tmp_path: Path) -> None:
    copy_stopped(data, tmp_path / "copy", MARK)
    flip_rows(tmp_path / "copy" / "users-0.db")
    with pytest.raises(TableError, match="checksum mismatch"):
        bring_back(tmp_path / "copy", tmp_path / "new")
    assert not partition_folder(tmp_path / "new", 0).exists()
    table, heard = open_table(tmp_path / "new")
    assert table.changelog_offset(0) == -1
    assert heard.aside == []
    close_table(table)
