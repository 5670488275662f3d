"""The writer's order: changelog acknowledged, then one batch with rows, position, tombstones and changelog offset."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from tables.applied_offset import LOCAL, applied_offset_of
from tables.errors import ChangelogShrunk, RowTooLarge
from tables.intrusions import INTRUSIONS_KEY, decode_intrusions
from tables.partition_writer import RECORD_OVERHEAD_BYTES, write_partition
from tables.position import POSITION_KEY, Position
from tables.tombstones import tombstone_key

Rows = dict[bytes, bytes | None]


class Journal:
    """A changelog and a store that note what they are asked, in order; the store holds offsets up to 39."""

    max_record_bytes = 100

    def __init__(self, landed: Sequence[range] = (range(40, 43),), failure: Exception | None = None) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.landed = landed
        self.failure = failure
        self.stored: Rows = {}

    async def append(
        self, partition: int, rows: Mapping[bytes, bytes | None], removed_at: int, last: tuple[bytes, bytes]
    ) -> Sequence[range]:
        self.calls.append(("append", partition, dict(rows), removed_at, last))
        await asyncio.sleep(0)
        if self.failure:
            raise self.failure
        return self.landed

    def changelog_offset(self, partition: int) -> int:
        return 39

    def read(self, partition: int, key: bytes) -> bytes | None:
        return self.stored.get(key)

    def commit(self, partition: int, rows: Mapping[bytes, bytes | None], changelog_offset: int) -> None:
        self.calls.append(("commit", partition, changelog_offset))
        self.stored |= rows


POSITION = Position(7, 99)
LAST = (POSITION_KEY, POSITION.encode())


async def test_rows_and_position_go_to_the_changelog_and_then_to_the_store() -> None:
    journal = Journal()
    written = await write_partition(journal, journal, 3, {b"u1": b"row", b"u2": None}, POSITION)
    assert written == (len(b"u1row") + len(b"u2") + 2 * RECORD_OVERHEAD_BYTES, 0)
    assert journal.calls == [("append", 3, {b"u1": b"row", b"u2": None}, 6, LAST), ("commit", 3, 42)]
    tombstone = journal.stored.pop(tombstone_key(b"u2"))
    assert tombstone is not None
    assert applied_offset_of(tombstone) == 6, "the last source offset before the position"
    assert journal.stored == {b"u1": b"row", b"u2": None, POSITION_KEY: POSITION.encode()}


async def test_what_is_remembered_of_a_tombstone_is_local_and_does_not_tell_the_key() -> None:
    journal = Journal()
    await write_partition(journal, journal, 3, {b"somebody": None}, POSITION)
    remembered = {key: row for key, row in journal.stored.items() if key not in {b"somebody", POSITION_KEY}}
    assert len(remembered) == 1
    assert all(key.startswith(LOCAL) for key in remembered)
    assert not any(b"somebody" in key + (row or b"") for key, row in remembered.items())


async def test_what_landed_between_is_counted_and_its_place_remembered_until_somebody_looks() -> None:
    journal = Journal([range(42, 50), range(51, 53)])
    assert (await write_partition(journal, journal, 3, {}, POSITION)).intruded == 3
    assert decode_intrusions(journal.stored[INTRUSIONS_KEY]) == [range(40, 42), range(50, 51)]
    journal.landed = [range(41, 43)]
    assert (await write_partition(journal, journal, 3, {}, POSITION)).intruded == 1
    assert decode_intrusions(journal.stored[INTRUSIONS_KEY]) == [range(40, 42), range(50, 51)]


async def test_a_changelog_that_has_lost_its_tail_is_noticed() -> None:
    journal = Journal([range(38, 40)])
    with pytest.raises(ChangelogShrunk, match=r"partition 3 took a record at offset 38, .* holds it up to 39"):
        await write_partition(journal, journal, 3, {}, POSITION)
    assert journal.stored == {}


async def test_what_the_broker_did_not_take_is_not_stored() -> None:
    journal = Journal(failure=ConnectionError("no broker"))
    with pytest.raises(ConnectionError):
        await write_partition(journal, journal, 3, {b"u1": b"row"}, POSITION)
    assert [call[0] for call in journal.calls] == ["append"]


async def test_a_row_that_does_not_fit_is_refused_before_anything_is_sent() -> None:
    journal = Journal()
    with pytest.raises(RowTooLarge, match="101 bytes, one changelog record holds 100"):
        await write_partition(journal, journal, 3, {b"u": b"x" * 100}, POSITION)
    assert journal.calls == []
