"""Records of others beside what a database holds: the higher rank counts, and only what must be is appended."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tables import comparison
from tables.applied_offset import APPLIED_OFFSET, CHANGELOG_OFFSET_KEY
from tables.comparison import Comparison, Held, held_of, is_ahead, rank_of
from tables.extent import LANDED_KEY
from tables.intrusions import INTRUSIONS_KEY
from tables.position import POSITION_KEY, Position
from tables.tombstones import tombstone_headers, tombstone_key, tombstone_row


class Record(NamedTuple):
    """A changelog record."""

    offset: int
    key: bytes
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


def row(applied_offset: int, written: int = 0) -> Record:
    """A record of a row, and when it was written."""
    return Record(0, b"u", APPLIED_OFFSET.pack(applied_offset) + b"%d" % written)


def gone(applied_offset: int) -> Record:
    """A record of a removal."""
    return Record(0, b"u", None, tombstone_headers(applied_offset))


RUBBISH, GONE_WITHOUT_OFFSET = Record(0, b"u", b"abc"), Record(0, b"u", None)


class Stored:
    """A database's rows."""

    def __init__(self, **rows: bytes) -> None:
        self.rows = {key.encode(): value for key, value in rows.items()}

    def remove(self, key: bytes, applied_offset: int) -> "Stored":
        """Remember a tombstone."""
        self.rows[tombstone_key(key)] = tombstone_row(applied_offset, 0)
        return self

    def read_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return rows."""
        return [self.rows.get(key) for key in keys]


def outcome(held: Record | None, *records: Record, behind: Sequence[Record] = ()) -> tuple[bool, bool]:
    """Whether a record is adopted, and whether something is appended again."""
    stored = Stored()
    if held is not None and held.value is not None:
        stored = Stored(u=held.value)
    elif held is not None:
        stored.remove(b"u", rank_of(held) // 2)
    found = Comparison()
    found.meet(records, held_of(stored, 0, [b"u"]))
    found.follow(behind)
    return b"u" in found.adopted, b"u" in found.outranked


@pytest.mark.parametrize(
    ("held", "records", "behind", "expected"),
    [
        (row(5), [row(5, written=9)], [], (False, False)),
        (row(5), [row(4)], [], (False, True)),
        (row(5), [row(6)], [], (True, False)),
        (row(5), [gone(5)], [], (True, False)),
        (row(5), [gone(4)], [], (False, True)),
        (gone(5), [row(5)], [], (False, True)),
        (gone(5), [row(6)], [], (True, False)),
        (gone(5), [gone(5)], [], (False, False)),
        (None, [row(0)], [], (True, False)),
        (None, [RUBBISH], [], (False, True)),
        (None, [GONE_WITHOUT_OFFSET], [], (False, False)),
        (row(5), [RUBBISH], [], (False, True)),
        (row(5), [GONE_WITHOUT_OFFSET], [], (False, True)),
        (row(5), [row(6), row(4)], [], (True, True)),
        (row(5), [row(4), row(6)], [], (True, False)),
        (row(5), [row(4)], [row(5)], (False, False)),
        (row(5), [row(6)], [row(5)], (True, True)),
        (row(5), [row(6)], [row(5), row(6)], (True, False)),
    ],
)
def test_what_is_adopted_and_what_is_appended_again(
    held: Record | None, records: list[Record], behind: list[Record], expected: tuple[bool, bool]
) -> None:
    assert outcome(held, *records, behind=behind) == expected


def test_what_is_appended_is_as_it_was() -> None:
    stored = Stored(a=b"".join((APPLIED_OFFSET.pack(3), b"row"))).remove(b"b", 4)
    held = held_of(stored, 0, [b"a", b"b", b"c"])
    assert held == {b"a": Held(6, APPLIED_OFFSET.pack(3) + b"row"), b"b": Held(9, None, 4), b"c": Held()}
    assert rank_of(gone(held[b"c"].removed_at)) < rank_of(row(0)), "what is put behind rubbish covers no row"


def test_what_is_adopted_is_as_it_was_sent() -> None:
    for record, held in ((row(6), Held(12, row(6).value)), (gone(6), Held(13, None, 6))):
        found = Comparison()
        found.meet([record], held_of(Stored(u=row(5).value or b""), 0, [b"u"]))
        assert found.adopted == {b"u": held}


@pytest.mark.parametrize("key", [CHANGELOG_OFFSET_KEY, LANDED_KEY, INTRUSIONS_KEY])
def test_what_only_databases_have_is_neither_adopted_nor_appended(key: bytes) -> None:
    for held in ({}, {key: b"7"}, {key: APPLIED_OFFSET.pack(3) * 2}):
        stored = Stored()
        stored.rows |= held
        for value in (None, b"abc", APPLIED_OFFSET.pack(9) + b"row"):
            found = Comparison()
            found.meet([Record(0, key, value)], held_of(stored, 0, [key]))
            assert (found.adopted, found.outranked) == ({}, {})


def test_what_a_comparison_keeps_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "_MAX_OPEN", 2)
    monkeypatch.setattr(comparison, "_MAX_ADOPTED", 2)
    for record in (RUBBISH, row(3)):
        found = Comparison()
        for number in range(2):
            assert not found.full
            key = b"u%d" % number
            found.meet([record._replace(key=key)], held_of(Stored(), 0, [key]))
        assert found.full


def test_a_position_is_never_adopted_and_its_newest_is_last() -> None:
    stored = Stored()
    stored.rows[POSITION_KEY] = Position(7, 1).encode()
    for next_offset, appended in ((6, True), (7, False), (8, False)):
        found = Comparison()
        record = Record(0, POSITION_KEY, Position(next_offset, 2).encode())
        found.meet([record], held_of(stored, 0, [POSITION_KEY]))
        assert (found.adopted, POSITION_KEY in found.outranked) == ({}, appended)


def test_a_record_is_ahead_of_the_position_when_its_source_record_was_not_applied_yet() -> None:
    assert [is_ahead(row(offset), 7) for offset in (6, 7)] == [False, True]
    assert [is_ahead(gone(offset), 7) for offset in (6, 7)] == [False, True]
    positions = [Record(0, POSITION_KEY, Position(after, 1).encode()) for after in (7, 8)]
    assert [is_ahead(record, 7) for record in positions] == [False, True]


some = st.lists(st.sampled_from([*map(row, range(4)), *map(gone, range(4)), RUBBISH, GONE_WITHOUT_OFFSET]), max_size=6)


@given(st.sampled_from([None, row(1), row(2), gone(1), gone(2)]), some, some)
def test_in_the_end_the_last_record_of_a_key_is_the_highest(
    held: Record | None, records: list[Record], behind: list[Record]
) -> None:
    """What lies behind and is not of others is own: it never outranks what counts, and never goes back."""
    counts = max([rank_of(one) for one in records] + ([rank_of(held)] if held else []), default=rank_of(RUBBISH))
    behind = sorted((record for record in behind if rank_of(record) <= counts), key=rank_of)
    adopted, appended = outcome(held, *records, behind=behind)
    nothing = rank_of(GONE_WITHOUT_OFFSET)
    assert adopted == (counts > (rank_of(held) if held else nothing))
    if records:
        last = rank_of([*records, *behind][-1])
        was_last = last >= max(counts, nothing)
        touched = adopted or any(rank_of(one) < max(counts, nothing) for one in records[-1:])
        assert appended == (touched and not was_last)
