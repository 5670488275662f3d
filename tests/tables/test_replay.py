"""Replay on a real RocksDB: in whatever order and grouping a changelog comes, no row ever goes back."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tables.errors import RowCorrupt
from tables.fence import FENCE
from tables.fenced_table import FencedTable
from tables.position import POSITION_KEY, Position
from tables.replay import Replay


class Record(NamedTuple):
    """A changelog record."""

    offset: int
    key: bytes
    value: bytes | None


def row(fence: int, content: bytes = b"") -> bytes:
    """A row of any kind: fence first."""
    return FENCE.pack(fence) + content


def records(*rows: tuple[bytes, bytes | None], first: int = 0) -> list[Record]:
    """Records at successive offsets."""
    return [Record(offset, key, value) for offset, (key, value) in enumerate(rows, first)]


@pytest.fixture
def table(make_table: Callable[[], FencedTable]) -> FencedTable:
    return make_table()


def test_rows_and_the_offset_reached_are_stored_together_and_the_next_replay_goes_on_there(table: FencedTable) -> None:
    replay = Replay(table, 0)
    assert replay.next_offset == 0
    replay.apply(records((b"u1", row(1)), (b"u2", row(2))), reached=7)
    assert table.read_many(0, [b"u1", b"u2", b"u3"]) == [row(1), row(2), None]
    assert (replay.next_offset, table.changelog_offset(0)) == (7, 6)
    assert Replay(table, 0).next_offset == 7


def test_offsets_that_compaction_left_empty_count(table: FencedTable) -> None:
    replay = Replay(table, 0)
    replay.apply([], reached=12)
    assert table.changelog_offset(0) == 11


@pytest.mark.parametrize("anew", [False, True])
def test_a_late_batch_of_a_former_owner_does_not_win(table: FencedTable, anew: bool) -> None:
    replay = Replay(table, 0)
    newer, older = row(9, b"new"), row(5, b"old")
    replay.apply(records((b"u", newer), (b"u", older)), reached=2)
    assert (table.read(0, b"u"), replay.older) == (newer, 1)
    if anew:  # the database is an old one now, whose fences are not known
        replay = Replay(table, 0)
    replay.apply(records((b"u", older), (b"v", row(4)), first=2), reached=4)
    assert table.read_many(0, [b"u", b"v"]) == [newer, row(4)]
    assert table.changelog_offset(0) == 3


def test_rows_of_an_owner_do_not_go_back_either(table: FencedTable) -> None:
    """This database was not begun by a replay; then one that was, and had an owner in between."""
    table.commit(0, {b"u": row(9), POSITION_KEY: Position(10, 1).encode()}, 1)
    Replay(table, 0).apply(records((b"u", row(8)), first=2), reached=3)
    assert table.read(0, b"u") == row(9)


def test_rows_of_an_owner_after_a_replay_do_not_go_back(table: FencedTable) -> None:
    Replay(table, 0)
    table.commit(0, {b"u": row(9), POSITION_KEY: Position(10, 1).encode()}, 1)
    replay = Replay(table, 0)
    replay.apply(records((b"u", row(8)), (b"v", row(7)), first=2), reached=4)
    assert table.read_many(0, [b"u", b"v"]) == [row(9), row(7)]
    assert replay.older == 1


def test_a_changelog_in_order_never_needs_a_look_at_stored_rows(
    table: FencedTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[bytes] = []
    read_many = table.read_many

    def noted(partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        looked_up.extend(keys)
        return read_many(partition, keys)

    monkeypatch.setattr(table, "read_many", noted)
    Replay(table, 0).apply(records((b"u", row(1)), (b"v", row(0)), (POSITION_KEY, Position(2, 1).encode())), reached=3)
    table.commit(0, {b"u": row(2), b"v": row(3), POSITION_KEY: Position(4, 1).encode()}, 5)
    Replay(table, 0).apply(
        records((b"v", row(5)), (b"u", row(4)), (POSITION_KEY, Position(6, 1).encode()), first=6), reached=9
    )
    assert looked_up == []
    Replay(table, 0).apply(records((b"u", row(3)), first=9), reached=10)
    assert looked_up == [b"u"]
    assert table.read(0, b"u") == row(4)


def test_a_removal_applies_and_the_row_may_come_back(table: FencedTable) -> None:
    replay = Replay(table, 0)
    replay.apply(records((b"u", row(9)), (b"v", row(9))), reached=2)
    replay.apply(records((b"u", None), (b"v", None), (b"v", row(3)), first=2), reached=5)
    assert table.read_many(0, [b"u", b"v"]) == [None, row(3)]
    replay.apply(records((b"u", row(4)), first=5), reached=6)
    assert table.read(0, b"u") == row(4)


def test_a_partition_that_runs_is_not_replayed(table: FencedTable) -> None:
    replay = Replay(table, 0)
    table.running.add(0)
    with pytest.raises(RuntimeError, match="partition 0 runs"):
        replay.apply(records((b"u", row(1))), reached=1)
    assert (table.read(0, b"u"), table.changelog_offset(0)) == (None, -1)


def test_a_row_without_a_fence_is_named_and_nothing_of_its_batch_is_stored(table: FencedTable) -> None:
    replay = Replay(table, 0)
    with pytest.raises(RowCorrupt, match="partition 0: the row at offset 1 has 3 bytes"):
        replay.apply(records((b"u", row(1)), (b"v", b"abc")), reached=2)
    assert (table.read(0, b"u"), table.changelog_offset(0)) == (None, -1)


def model(written: Iterable[tuple[bytes, bytes | None]]) -> dict[bytes, bytes]:
    """What a table holds after records one by one: the rule in its simplest form."""
    held: dict[bytes, bytes] = {}
    for key, value in written:
        if value is None:
            held.pop(key, None)
        elif key not in held or value[:8] == held[key][:8] or FENCE.unpack(value[:8]) > FENCE.unpack(held[key][:8]):
            held[key] = value
    return held


changes = st.lists(
    st.tuples(
        st.sampled_from([b"u1", b"u2", b"u3"]),
        st.one_of(st.none(), st.builds(row, st.integers(0, 5), st.binary(max_size=1))),
    ),
    max_size=16,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(changes, st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=8))
def test_any_grouping_and_any_restart_ends_where_records_one_by_one_end(
    make_table: Callable[[], FencedTable],
    written: list[tuple[bytes, bytes | None]],
    groups: list[tuple[int, bool]],
) -> None:
    table = make_table()
    replay, rest = Replay(table, 0), records(*written)
    for size, anew in (*groups, (len(written) + 1, False)):
        if anew:
            replay = Replay(table, 0)
        group, rest = rest[:size], rest[size:]
        if group:
            replay.apply(group, reached=group[-1].offset + 1)
    keys = [b"u1", b"u2", b"u3"]
    expected = model(written)
    assert table.read_many(0, keys) == [expected.get(key) for key in keys]
    assert table.changelog_offset(0) == len(written) - 1
