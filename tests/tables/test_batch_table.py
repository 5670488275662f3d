"""The table on a real RocksDB: what is written together stays together."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from faust.types import EventT
from rocksdict import Options, Rdict

from tables.applied_offset import APPLIED_OFFSET, CHANGELOG_OFFSET_KEY
from tables.batch_table import BatchTable
from tables.position import POSITION_KEY, Position
from tests.support.real_tables import new_table


def row(applied_offset: int, content: bytes = b"") -> bytes:
    """A row of any kind: applied offset first."""
    return APPLIED_OFFSET.pack(applied_offset) + content


@pytest.fixture
def table(tmp_path: Path) -> Iterator[BatchTable]:
    made = new_table(tmp_path, 2)
    yield made
    made.data._dbs.clear()  # type: ignore[attr-defined]


def opened(table: BatchTable, partition: int) -> Rdict:
    """Open a partition as Faust does when it is assigned."""
    table.open(partition)
    database = table.database(partition)
    assert database is not None
    return database


def test_a_partition_that_is_not_open_is_not_read(table: BatchTable) -> None:
    assert table.database(0) is None
    with pytest.raises(KeyError):
        table.read(0, b"u1")


def test_a_commit_holds_rows_position_and_changelog_offset(table: BatchTable) -> None:
    opened(table, 0)
    assert table.position(0) is None
    assert table.changelog_offset(0) == -1
    table.commit(0, {b"u1": row(4), POSITION_KEY: Position(5, 1).encode()}, 17)
    assert table.read(0, b"u1") == row(4)
    assert table.position(0) == Position(5, 1)
    assert table.changelog_offset(0) == 17
    table.commit(0, {b"u1": None}, 18)
    assert table.read(0, b"u1") is None


class Watched:
    """A database that is looked at after each of its writes: whatever is there then may be what a crash leaves."""

    def __init__(self, database: Rdict) -> None:
        self._database = database
        self.seen: list[list[bytes | None]] = []

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._database, name)
        if name not in {"write", "put", "delete", "merge", "__setitem__", "__delitem__"}:
            return found

        def written(*args: Any, **options: Any) -> Any:
            returned = found(*args, **options)
            self.seen.append([self._database.get(key) for key in (b"u1", POSITION_KEY, CHANGELOG_OFFSET_KEY)])
            return returned

        return written


def test_between_two_commits_there_is_nothing_that_a_crash_could_leave(table: BatchTable) -> None:
    watched = Watched(opened(table, 0))
    table.data._dbs[0] = watched  # type: ignore[attr-defined]
    for offset in (4, 6):
        table.commit(0, {b"u1": row(offset), POSITION_KEY: Position(offset + 1, 1).encode()}, 10 + offset)
    table.commit(0, {b"u1": None, POSITION_KEY: Position(9, 1).encode()}, 20)
    assert watched.seen == [
        [row(4), Position(5, 1).encode(), b"14"],
        [row(6), Position(7, 1).encode(), b"16"],
        [None, Position(9, 1).encode(), b"20"],
    ]


def test_a_commit_outlives_the_process(table: BatchTable) -> None:
    opened(table, 0)
    table.commit(0, {b"u1": row(4)}, 17)
    path = str(table.data.partition_path(0))  # type: ignore[attr-defined]
    table.data._dbs.clear()  # type: ignore[attr-defined]
    assert Rdict(path, options=Options(raw_mode=True))[b"u1"] == row(4)


def test_a_crash_leaves_what_was_flushed_with_its_position(table: BatchTable, tmp_path: Path) -> None:
    opened(table, 0)
    table.commit(0, {b"u1": row(4), POSITION_KEY: Position(5, 1).encode()}, 17)
    table.flush_databases()
    path = Path(str(table.data.partition_path(0)))  # type: ignore[attr-defined]
    deadline = time.monotonic() + 30.0
    while not opened(table, 0).live_files():
        assert time.monotonic() < deadline, "nothing was flushed"
        time.sleep(0.01)
    table.commit(0, {b"u1": row(6), POSITION_KEY: Position(7, 1).encode()}, 19)
    shutil.copytree(path, tmp_path / "after the crash")
    left = Rdict(str(tmp_path / "after the crash"), options=Options(raw_mode=True))
    assert left[b"u1"] == row(4)
    assert left[POSITION_KEY] == Position(5, 1).encode()


def test_who_waits_for_the_flush_may_end_at_once_and_loses_nothing(table: BatchTable, tmp_path: Path) -> None:
    opened(table, 0)
    table.commit(0, {b"u1": row(4), POSITION_KEY: Position(5, 1).encode()}, 17)
    table.flush_databases(wait=True)
    shutil.copytree(Path(str(table.data.partition_path(0))), tmp_path / "left")  # type: ignore[attr-defined]
    left = Rdict(str(tmp_path / "left"), options=Options(raw_mode=True))
    assert left[b"u1"] == row(4)
    assert left[POSITION_KEY] == Position(5, 1).encode()


def test_scan_finds_a_prefix_and_nothing_else(table: BatchTable) -> None:
    opened(table, 0)
    rows: dict[bytes, bytes | None] = {b"\0a1": row(1), b"\0b1": row(2), b"\0b2": row(3), b"\0c": row(4), b"u": row(5)}
    table.commit(0, rows, 1)
    assert list(table.scan(0, b"\0b")) == [(b"\0b1", row(2)), (b"\0b2", row(3))]


def test_faust_recovers_nothing(table: BatchTable) -> None:
    table.apply_changelog_batch([])
    with pytest.raises(RuntimeError, match="must be left to this project's recovery"):
        table.apply_changelog_batch([cast(EventT[bytes], SimpleNamespace())])
