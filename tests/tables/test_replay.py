"""Replay on a real RocksDB: in whatever order and grouping a changelog comes, no row ever goes back."""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tables.applied_offset import (
    APPLIED_OFFSET,
    CHANGELOG_OFFSET_KEY,
    HIGHEST_APPLIED_OFFSET_KEY,
    LOCAL,
    RESERVED,
)
from tables.batch_table import BatchTable
from tables.errors import NewerFormat
from tables.extent import LANDED_KEY, Extent
from tables.intrusions import INTRUSIONS_KEY, decode_intrusions
from tables.position import POSITION_KEY, Position
from tables.replay import Replay
from tables.rows_aside import aside_key, decode_aside, key_hash
from tables.tombstones import TOMBSTONES_KEPT_MS, purge_tombstones, tombstone_headers, tombstone_key, tombstone_row
from tests.support.partition_folders import close_table, open_table

POPULARITY = RESERVED + b"popularity\0\0\0\0\1us\0v"

OF_EXTENT = {CHANGELOG_OFFSET_KEY, LANDED_KEY, INTRUSIONS_KEY}
"""What a replay begins with."""


class Record(NamedTuple):
    """A changelog record."""

    offset: int
    key: bytes
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


class Tombstone(NamedTuple):
    """A tombstone and its applied offset; None for one of a previous version."""

    applied_offset: int | None


def row(applied_offset: int, content: bytes = b"") -> bytes:
    """A row of any kind: applied offset first."""
    return APPLIED_OFFSET.pack(applied_offset) + content


def records(*rows: tuple[bytes, bytes | Tombstone], first: int = 0) -> list[Record]:
    """Records at successive offsets."""
    return [record(offset, key, value) for offset, (key, value) in enumerate(rows, first)]


def record(offset: int, key: bytes, value: bytes | Tombstone) -> Record:
    """One record."""
    if isinstance(value, bytes):
        return Record(offset, key, value)
    return Record(offset, key, None, () if value.applied_offset is None else tombstone_headers(value.applied_offset))


@pytest.fixture
def table(make_table: Callable[[], BatchTable]) -> BatchTable:
    return make_table()


def test_rows_and_the_offset_reached_are_stored_together_and_the_next_replay_goes_on_there(table: BatchTable) -> None:
    replay = Replay(table, 0)
    assert replay.next_offset == 0
    replay.apply(records((b"u1", row(1)), (b"u2", row(2))), reached=7)
    assert table.read_many(0, [b"u1", b"u2", b"u3"]) == [row(1), row(2), None]
    assert (replay.next_offset, table.changelog_offset(0)) == (7, 6)
    assert Replay(table, 0).next_offset == 7


def test_offsets_that_compaction_left_empty_count(table: BatchTable) -> None:
    replay = Replay(table, 0)
    replay.apply([], reached=12)
    assert table.changelog_offset(0) == 11


@pytest.mark.parametrize("anew", [False, True])
def test_a_late_batch_of_a_previous_owner_does_not_win(table: BatchTable, anew: bool) -> None:
    replay = Replay(table, 0)
    newer, older = row(9, b"new"), row(5, b"old")
    replay.apply(records((b"u", newer), (b"u", older)), reached=2)
    assert (table.read(0, b"u"), replay.older) == (newer, 1)
    if anew:  # the database is an old one now, whose applied offsets are not known
        replay = Replay(table, 0)
    replay.apply(records((b"u", older), (b"v", row(4)), first=2), reached=4)
    assert table.read_many(0, [b"u", b"v"]) == [newer, row(4)]
    assert table.changelog_offset(0) == 3


@pytest.mark.parametrize("apart", ["in one fetch", "in two", "after a restart"])
def test_of_two_records_with_one_applied_offset_the_later_one_counts(table: BatchTable, apart: str) -> None:
    """A row that is re-solved after a swap covers the same events as before, and comes behind."""
    events, solved = row(5, b"of the events"), row(5, b"of the new version")
    replay = Replay(table, 0)
    if apart == "in one fetch":
        replay.apply(records((b"u", events), (b"v", row(7)), (b"u", solved)), reached=3)
    else:
        replay.apply(records((b"u", events), (b"v", row(7))), reached=2)
        replay = Replay(table, 0) if apart == "after a restart" else replay
        replay.apply(records((b"u", solved), first=2), reached=3)
    assert table.read(0, b"u") == solved
    assert replay.older == 0


def test_rows_of_an_owner_do_not_go_back_either(table: BatchTable) -> None:
    """This database was not begun by a replay; then one that was, and had an owner in between."""
    table.commit(0, {b"u": row(9), POSITION_KEY: Position(10, 1).encode()}, 1)
    Replay(table, 0).apply(records((b"u", row(8)), first=2), reached=3)
    assert table.read(0, b"u") == row(9)


def test_rows_of_an_owner_after_a_replay_do_not_go_back(table: BatchTable) -> None:
    Replay(table, 0)
    table.commit(0, {b"u": row(9), POSITION_KEY: Position(10, 1).encode()}, 1)
    replay = Replay(table, 0)
    replay.apply(records((b"u", row(8)), (b"v", row(7)), first=2), reached=4)
    assert table.read_many(0, [b"u", b"v"]) == [row(9), row(7)]
    assert replay.older == 1


def test_a_changelog_in_order_never_needs_a_look_at_stored_rows(
    table: BatchTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up: list[bytes] = []
    read_many = table.read_many

    def noted(partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        looked_up.extend(key for key in keys if key not in OF_EXTENT)
        return read_many(partition, keys)

    monkeypatch.setattr(table, "read_many", noted)
    Replay(table, 0).apply(records((b"u", row(1)), (b"v", row(0)), (POSITION_KEY, Position(2, 1).encode())), reached=3)
    table.commit(0, {b"u": row(2), b"v": row(3), POSITION_KEY: Position(4, 1).encode()}, 5)
    Replay(table, 0).apply(
        records((b"v", row(5)), (b"u", row(4)), (POSITION_KEY, Position(6, 1).encode()), first=6), reached=9
    )
    assert looked_up == []
    Replay(table, 0).apply(records((b"u", row(3)), first=9), reached=10)
    assert looked_up == [b"u", tombstone_key(b"u")]
    assert table.read(0, b"u") == row(4)


def test_a_tombstone_of_a_previous_version_applies_and_the_row_may_come_back(table: BatchTable) -> None:
    replay = Replay(table, 0)
    replay.apply(records((b"u", row(9)), (b"v", row(9))), reached=2)
    replay.apply(records((b"u", Tombstone(None)), (b"v", Tombstone(None)), (b"v", row(3)), first=2), reached=5)
    assert table.read_many(0, [b"u", b"v"]) == [None, row(3)]
    replay.apply(records((b"u", row(4)), first=5), reached=6)
    assert table.read(0, b"u") == row(4)


@pytest.mark.parametrize("anew", [False, True])
def test_a_late_tombstone_of_a_previous_owner_does_not_take_a_newer_row_away(table: BatchTable, anew: bool) -> None:
    replay = Replay(table, 0)
    replay.apply(records((b"u", row(9)), (b"v", row(5)), (POSITION_KEY, Position(10, 1).encode())), reached=3)
    if anew:
        replay = Replay(table, 0)
    replay.apply(records((b"u", Tombstone(8)), (b"v", Tombstone(8)), first=3), reached=5)
    assert table.read_many(0, [b"u", b"v"]) == [row(9), None]
    assert replay.older == 1


@pytest.mark.parametrize("anew", [False, True])
def test_an_older_row_does_not_come_back_behind_a_tombstone_and_a_newer_one_does(table: BatchTable, anew: bool) -> None:
    replay = Replay(table, 0)
    replay.apply(records((b"u", row(5)), (b"v", row(6)), (b"u", Tombstone(6)), (b"v", Tombstone(6))), reached=4)
    if anew:
        replay = Replay(table, 0)
    replay.apply(records((b"u", row(6)), (b"v", row(7)), first=4), reached=6)
    assert table.read_many(0, [b"u", b"v"]) == [None, row(7)]


def test_what_an_owner_removed_is_remembered_when_its_database_is_replayed_later(table: BatchTable) -> None:
    removed = {b"u": None, tombstone_key(b"u"): tombstone_row(9, 0), POSITION_KEY: Position(10, 1).encode()}
    Replay(table, 0)
    table.commit(0, {b"u": row(9)}, 1)
    table.commit(0, removed, 2)
    Replay(table, 0).apply(records((b"u", row(9)), (b"v", row(8)), first=3), reached=5)
    assert table.read_many(0, [b"u", b"v"]) == [None, row(8)]


def test_tombstones_are_remembered_for_a_day_under_no_name(table: BatchTable) -> None:
    names = [b"ann", b"bob", b"cleo"]
    Replay(table, 0).apply(records(*((name, Tombstone(5)) for name in names)), reached=3)
    everything = b"".join(key + value for key, value in table.scan(0, b""))
    assert not any(name in everything for name in names)
    key: bytes | None = b""
    while key is not None:
        key = purge_tombstones(
            table, 0, written_before_ms=int(time.time() * 1000) - TOMBSTONES_KEPT_MS, start=key, limit=2
        )
    assert all(table.read_many(0, list(map(tombstone_key, names))))
    key, steps = b"", 0
    while key is not None:
        key, steps = purge_tombstones(table, 0, written_before_ms=1 << 62, start=key, limit=2), steps + 1
    assert table.read_many(0, list(map(tombstone_key, names))) == [None, None, None]
    assert steps == 2
    assert (table.changelog_offset(0), Replay(table, 0).next_offset) == (2, 3)


def intrusions(table: BatchTable) -> list[int]:
    """The offsets that are remembered."""
    return [offset for one in decode_intrusions(table.read(0, INTRUSIONS_KEY)) for offset in one]


def test_the_places_of_older_records_behind_newer_ones_are_remembered(table: BatchTable) -> None:
    replay = Replay(table, 0)
    replay.apply(records((b"u", row(9)), (b"v", row(4)), (b"v", row(3)), (b"v", row(5))), reached=4)
    assert intrusions(table) == [], "a newer one came behind it"
    replay.apply(records((b"w", row(1)), (b"u", row(8)), (b"w", Tombstone(0)), (b"v", row(6)), first=4), reached=8)
    assert intrusions(table) == [5, 6]
    Replay(table, 0).apply(records((b"x", Tombstone(9)), (b"x", row(9)), (b"u", Tombstone(7)), first=8), reached=11)
    assert intrusions(table) == [5, 6, 9, 10]


def test_what_lies_between_own_records_is_read_and_a_removal_there_applies(table: BatchTable) -> None:
    """An owner that did not know of its successor: its late batch landed behind what that one wrote."""
    Replay(table, 0).apply(records((b"u", row(5)), (POSITION_KEY, Position(6, 1).encode())), reached=2)
    noticed = Extent.read(table, 0)
    late = noticed.with_batches(0, [range(5, 7)])
    table.commit(0, {b"v": row(6), POSITION_KEY: Position(7, 1).encode(), **noticed.changes(late)}, late.held)
    assert table.changelog_offset(0) == 1, "it does not claim what it did not apply"
    replay = Replay(table, 0)
    assert (replay.next_offset, replay.known_end) == (2, 7)
    behind = records((b"u", Tombstone(7)), (POSITION_KEY, Position(8, 1).encode()), (b"w", row(8)), first=2)
    replay.apply(behind, reached=5)
    assert table.read_many(0, [b"u", b"v", b"w"]) == [None, row(6), row(8)]
    replay.apply(records((b"v", row(6)), (POSITION_KEY, Position(7, 1).encode()), first=5), reached=7)
    assert table.read_many(0, [b"u", b"v", b"w"]) == [None, row(6), row(8)]
    assert table.position(0) == Position(8, 1), "nor does its older position win"
    assert Extent.read(table, 0) == Extent(6, 6, (range(6, 7),)), "which is to be followed by the newer one"


def test_a_partition_that_runs_is_not_replayed(table: BatchTable) -> None:
    replay = Replay(table, 0)
    table.running.add(0)
    with pytest.raises(RuntimeError, match="partition 0 runs"):
        replay.apply(records((b"u", row(1))), reached=1)
    assert (table.read(0, b"u"), table.changelog_offset(0)) == (None, -1)


NOBODYS = [
    Record(2, b"u", b"abc"),
    Record(2, b"u", b""),
    Record(2, b"u", b"garbage of somebody"),
    Record(2, b"u", None, [("fence", b"abc")]),
    Record(2, b"u", None, [("fence", b"\xff" * 7 + b"\x7f")]),
    Record(2, POSITION_KEY, b"abc"),
    Record(2, POSITION_KEY, row(9)),
    Record(2, POSITION_KEY, Position(9, 1).encode() + b"x"),
    Record(2, POPULARITY, b"1234"),
]


@pytest.mark.parametrize("anew", [False, True])
@pytest.mark.parametrize("record", NOBODYS)
def test_a_record_that_is_nobodys_costs_nothing_but_itself(tmp_path: Path, record: Record, anew: bool) -> None:
    table, heard = open_table(tmp_path)
    before = {b"u": row(1), POSITION_KEY: Position(2, 1).encode(), POPULARITY: row(1)}
    first = [Record(offset, key, value) for offset, (key, value) in enumerate(before.items())]
    replay = Replay(table, 0)
    if anew:
        replay.apply(first[:2], reached=2)
        replay, first = Replay(table, 0), first[2:]
    replay.apply([*first, record._replace(offset=3), Record(4, b"v", row(1))], reached=5)
    assert {key: table.read(0, key) for key in before} == before
    assert table.read(0, b"v") == row(1)
    assert intrusions(table) == [3], "the owner writes what counts behind it, or compaction would keep it alone"
    (aside,) = heard.rows_aside
    assert (aside.partition, aside.offset, aside.key_hash, aside.kept) == (0, 3, key_hash(record.key), True)
    kept = decode_aside(table.read(0, aside_key(record.key)) or b"")
    assert (kept.offset, kept.row) == (3, record.value or b"")
    Replay(table, 0).apply([Record(5, b"v", row(2))], reached=6)
    assert len(heard.rows_aside) == 1, "the next start begins behind it"
    close_table(table)


@pytest.mark.parametrize("key", [INTRUSIONS_KEY, HIGHEST_APPLIED_OFFSET_KEY, CHANGELOG_OFFSET_KEY, LOCAL + b"any"])
def test_no_record_is_put_where_a_database_keeps_what_is_its_own(tmp_path: Path, key: bytes) -> None:
    table, heard = open_table(tmp_path)
    replay = Replay(table, 0)
    before = table.read(0, key)
    replay.apply([Record(0, key, row(1 << 40, b"x")), Record(1, b"u", row(1))], reached=2)
    assert table.read(0, b"u") == row(1)
    assert table.changelog_offset(0) == 1
    assert len(heard.rows_aside) == (key != CHANGELOG_OFFSET_KEY), "that one every write overwrites"
    assert intrusions(table) == []
    assert table.read(0, key) in {before, b"1", row(1)}
    close_table(table)


def test_a_position_of_a_later_release_ends_it_and_nothing_is_stored(tmp_path: Path) -> None:
    table, heard = open_table(tmp_path)
    later = bytearray(Position(3, 1).encode())
    later[8:12] = 3, 4, 5, 6
    with pytest.raises(NewerFormat, match=r"partition 0: .* format 3, written by release 4\.5\.6"):
        Replay(table, 0).apply([Record(0, b"u", row(1)), Record(1, POSITION_KEY, bytes(later))], reached=2)
    assert len(heard.too_new_rows) == 1
    assert table.read(0, b"u") is None
    close_table(table)


def test_a_stored_row_without_an_applied_offset_is_outdone_by_any(table: BatchTable) -> None:
    """As a database of an earlier release may have one."""
    table.commit(0, {b"u": b"abc", b"v": b"garbage of somebody", POSITION_KEY: Position(9, 1).encode()}, 1)
    Replay(table, 0).apply(records((b"u", row(5)), (b"v", row(4)), first=2), reached=4)
    assert table.read_many(0, [b"u", b"v"]) == [row(5), row(4)]


State = bytes | Tombstone | None
"""What is kept of a key: its row, its tombstone, or nothing known."""


def rank(state: State) -> tuple[int, bool]:
    """The order of what a key may be: by applied offset, and of one applied offset the tombstone is newer."""
    if isinstance(state, bytes):
        return int(APPLIED_OFFSET.unpack(state[:8])[0]), False
    if state is None or state.applied_offset is None:
        return -(1 << 63), False
    return state.applied_offset, True


def model(written: Iterable[tuple[bytes, bytes | Tombstone]]) -> dict[bytes, bytes]:
    """What a table holds after records one by one: the rule in its simplest form."""
    held: dict[bytes, State] = {}
    for key, value in written:
        if (isinstance(value, Tombstone) and value.applied_offset is None) or rank(value) >= rank(held.get(key)):
            held[key] = value
    return {key: state for key, state in held.items() if isinstance(state, bytes)}


applied_offsets = st.integers(0, 5)
rows = st.builds(row, applied_offsets, st.binary(max_size=1))
keys = st.sampled_from([b"u1", b"u2", b"u3"])
changes = st.lists(
    st.tuples(keys, st.one_of(rows, st.builds(Tombstone, st.one_of(st.none(), applied_offsets)))), max_size=16
)
groupings = st.lists(st.tuples(st.integers(1, 5), st.booleans()), max_size=8)


def replayed(table: BatchTable, written: Sequence[Record], groups: Iterable[tuple[int, bool]]) -> dict[bytes, bytes]:
    """Replay records in groups, some of them with a new start before, and return the rows that are there then."""
    replay, rest = Replay(table, 0), list(written)
    for size, anew in (*groups, (len(written) + 1, False)):
        if anew:
            replay = Replay(table, 0)
        group, rest = rest[:size], rest[size:]
        if group:
            replay.apply(group, reached=group[-1].offset + 1)
    return {key: value for key, value in table.scan(0, b"") if not key.startswith((LOCAL, b"__faust"))}


hypothetically = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


@hypothetically
@given(changes, groupings)
def test_any_grouping_and_any_restart_ends_where_records_one_by_one_end(
    make_table: Callable[[], BatchTable],
    written: list[tuple[bytes, bytes | Tombstone]],
    groups: list[tuple[int, bool]],
) -> None:
    table = make_table()
    assert replayed(table, records(*written), groups) == model(written)
    assert table.changelog_offset(0) == len(written) - 1


@hypothetically
@given(st.lists(st.tuples(keys, st.booleans()), max_size=12), st.data(), groupings)
def test_late_rows_and_tombstones_in_any_order_end_at_the_highest_applied_offsets(
    make_table: Callable[[], BatchTable],
    happened: list[tuple[bytes, bool]],
    data: st.DataObject,
    groups: list[tuple[int, bool]],
) -> None:
    """Each write has an applied offset of its own, as an owner's have; any may land late, and any of them twice."""
    written = [
        (key, Tombstone(applied_offset) if removed else row(applied_offset, b"%d" % applied_offset))
        for applied_offset, (key, removed) in enumerate(happened)
    ]
    landed = data.draw(st.permutations([*written, *data.draw(st.lists(st.sampled_from(written or [(b"u1", row(0))])))]))
    last = dict(written) if written else dict(landed)
    expected = {key: value for key, value in last.items() if isinstance(value, bytes)}
    assert replayed(make_table(), records(*landed), groups) == expected


nobodys_keys = keys | st.sampled_from([POSITION_KEY, POPULARITY, INTRUSIONS_KEY, CHANGELOG_OFFSET_KEY, b"\xff"])
nobodys_values = st.binary(max_size=40) | rows | st.builds(lambda at: Position(at, 1).encode(), applied_offsets)
nobodys_headers = st.lists(st.tuples(st.sampled_from(["fence", "other"]), st.binary(max_size=9)), max_size=2)
anything = st.lists(st.tuples(nobodys_keys, st.none() | nobodys_values, nobodys_headers), max_size=12)


@hypothetically
@given(anything, groupings, groupings)
def test_whatever_records_there_are_two_replicas_come_to_the_same(
    make_table: Callable[[], BatchTable],
    written: list[tuple[bytes, bytes | None, list[tuple[str, bytes]]]],
    groups: list[tuple[int, bool]],
    others: list[tuple[int, bool]],
) -> None:
    """Of a later release is none of them: its number and its offset are hardly ever drawn together."""
    landed = [Record(offset, *one) for offset, one in enumerate(written)]
    one, other = make_table(), make_table()
    assert replayed(one, landed, groups) == replayed(other, landed, others)
    assert one.position(0) == other.position(0)
    assert Replay(one, 0).next_offset == Replay(other, 0).next_offset
