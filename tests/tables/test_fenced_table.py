"""The table on a real RocksDB: atomic commits, and a replay that never goes back."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faust
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rocksdict import Options, Rdict

from tables.fence import FENCE
from tables.fenced_table import FencedTable
from tables.position import POSITION_KEY, Position


def row(fence: int, content: bytes = b"") -> bytes:
    """A row of any kind: fence first."""
    return FENCE.pack(fence) + content


def record(partition: int, offset: int, key: bytes, value: bytes | None) -> Any:
    """A changelog record as recovery hands it over."""
    return SimpleNamespace(message=SimpleNamespace(partition=partition, offset=offset, key=key, value=value))


@pytest.fixture
def table(tmp_path: Path) -> Iterator[FencedTable]:
    app = faust.App("test", store="rocksdb://", datadir=tmp_path, Table=FencedTable, autodiscover=False)
    made = app.Table("users", key_type=bytes, value_type=bytes, partitions=2)
    assert isinstance(made, FencedTable)
    (tmp_path / "v1" / "tables").mkdir(parents=True)
    yield made
    made.data._dbs.clear()  # type: ignore[attr-defined]


def opened(table: FencedTable, partition: int) -> Rdict:
    """Open a partition as Faust does when it is assigned."""
    database: Rdict = table.data._db_for_partition(partition)  # type: ignore[attr-defined]
    return database


def test_a_partition_that_is_not_open_is_not_read(table: FencedTable) -> None:
    assert table.database(0) is None
    with pytest.raises(KeyError):
        table.read(0, b"u1")


def test_a_commit_holds_rows_position_and_changelog_offset(table: FencedTable) -> None:
    opened(table, 0)
    assert table.position(0) is None
    assert table.changelog_offset(0) == -1
    table.commit(0, {b"u1": row(4), POSITION_KEY: Position(5, 1).encode()}, 17)
    assert table.read(0, b"u1") == row(4)
    assert table.position(0) == Position(5, 1)
    assert table.changelog_offset(0) == 17
    table.commit(0, {b"u1": None}, 18)
    assert table.read(0, b"u1") is None


def test_a_commit_outlives_the_process(table: FencedTable) -> None:
    opened(table, 0)
    table.commit(0, {b"u1": row(4)}, 17)
    path = str(table.data.partition_path(0))  # type: ignore[attr-defined]
    table.data._dbs.clear()  # type: ignore[attr-defined]
    assert Rdict(path, options=Options(raw_mode=True))[b"u1"] == row(4)


def test_scan_finds_a_prefix_and_nothing_else(table: FencedTable) -> None:
    opened(table, 0)
    rows: dict[bytes, bytes | None] = {b"\0a1": row(1), b"\0b1": row(2), b"\0b2": row(3), b"\0c": row(4), b"u": row(5)}
    table.commit(0, rows, 1)
    assert list(table.scan(0, b"\0b")) == [(b"\0b1", row(2)), (b"\0b2", row(3))]


def test_replay_passes_running_partitions_over(table: FencedTable) -> None:
    for partition in (0, 1):
        opened(table, partition)
    table.running.add(0)
    table.apply_changelog_batch([record(0, 3, b"u", row(1)), record(1, 3, b"u", row(1))])
    assert (table.read(0, b"u"), table.changelog_offset(0)) == (None, -1)
    assert (table.read(1, b"u"), table.changelog_offset(1)) == (row(1), 3)
    assert table.replay_ignored == 1


def test_a_late_batch_of_a_former_owner_does_not_win(table: FencedTable) -> None:
    opened(table, 0)
    newer, older = row(9, b"new"), row(5, b"old")
    table.apply_changelog_batch([record(0, 0, b"u", newer), record(0, 1, b"u", older)])
    assert table.read(0, b"u") == newer
    table.apply_changelog_batch([record(0, 2, b"u", older)])
    assert table.read(0, b"u") == newer
    assert table.changelog_offset(0) == 2


def test_a_removal_applies_and_the_row_may_come_back(table: FencedTable) -> None:
    opened(table, 0)
    table.apply_changelog_batch([record(0, 0, b"u", row(9)), record(0, 1, b"u", None)])
    assert table.read(0, b"u") is None
    table.apply_changelog_batch([record(0, 2, b"u", row(3))])
    assert table.read(0, b"u") == row(3)


fences = st.lists(st.tuples(st.sampled_from([b"u1", b"u2"]), st.integers(0, 9)), min_size=1, max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(fences, st.data())
def test_any_order_and_grouping_of_a_replay_ends_in_the_highest_fences(
    table: FencedTable, written: list[tuple[bytes, int]], data: st.DataObject
) -> None:
    database = opened(table, 0)
    for key in (b"u1", b"u2"):
        database.delete(key)
    shuffled = data.draw(st.permutations(written))
    border = data.draw(st.integers(0, len(shuffled)))
    for group in (shuffled[:border], shuffled[border:]):
        table.apply_changelog_batch([record(0, at, key, row(fence)) for at, (key, fence) in enumerate(group)])
    for key in {key for key, _ in written}:
        assert table.read(0, key) == row(max(fence for other, fence in written if other == key))
