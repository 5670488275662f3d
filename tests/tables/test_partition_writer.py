"""The writer's order: changelog acknowledged, then one batch with rows, position, tombstones and changelog offset."""

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from tables.applied_offset import CHANGELOG_OFFSET_KEY, LOCAL, applied_offset_of
from tables.errors import ChangelogShrunk, RowTooLarge
from tables.extent import LANDED_KEY, Extent
from tables.partition_writer import RECORD_OVERHEAD_BYTES, notice_others, settle_partition, write_partition
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
        self.held = 39

    async def append(
        self,
        partition: int,
        rows: Mapping[bytes, bytes | None],
        removed_at: Mapping[bytes, int],
        last: tuple[bytes, bytes],
    ) -> Sequence[range]:
        self.calls.append(("append", partition, dict(rows), dict(removed_at), last))
        await asyncio.sleep(0)
        if self.failure:
            raise self.failure
        return self.landed

    def read_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        return [b"%d" % self.held if key == CHANGELOG_OFFSET_KEY else self.stored.get(key) for key in keys]

    def commit(self, partition: int, rows: Mapping[bytes, bytes | None], changelog_offset: int) -> None:
        self.calls.append(("commit", partition, changelog_offset))
        self.held = changelog_offset
        self.stored |= rows


POSITION = Position(7, 99)
LAST = (POSITION_KEY, POSITION.encode())


async def test_rows_and_position_go_to_the_changelog_and_then_to_the_store() -> None:
    journal = Journal()
    written = await write_partition(journal, journal, 3, {b"u1": b"row", b"u2": None}, POSITION)
    assert written == (len(b"u1row") + len(b"u2") + 2 * RECORD_OVERHEAD_BYTES, 0)
    assert journal.calls == [("append", 3, {b"u1": b"row", b"u2": None}, {b"u2": 6}, LAST), ("commit", 3, 42)]
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


async def test_a_tombstone_may_have_an_applied_offset_of_its_own() -> None:
    journal = Journal()
    await write_partition(journal, journal, 3, {b"u1": None, b"u2": None}, POSITION, removed_at={b"u1": 2})
    assert journal.calls[0] == ("append", 3, {b"u1": None, b"u2": None}, {b"u1": 2, b"u2": 6}, LAST)
    remembered = [journal.stored[tombstone_key(key)] or b"" for key in (b"u1", b"u2")]
    assert list(map(applied_offset_of, remembered)) == [2, 6]


async def test_records_of_others_that_lie_between_are_counted_and_never_claimed() -> None:
    """They were not applied: a recovery must begin before them."""
    journal = Journal([range(42, 50), range(51, 53)])
    assert (await write_partition(journal, journal, 3, {b"u1": b"row"}, POSITION)).intruded == 3
    assert Extent.read(journal, 3) == Extent(39, 52, (range(40, 42), range(50, 51)))
    assert journal.stored[b"u1"] == b"row"
    journal.landed = [range(53, 55)]
    assert (await write_partition(journal, journal, 3, {}, POSITION)).intruded == 0
    assert Extent.read(journal, 3) == Extent(39, 54, (range(40, 42), range(50, 51)))
    assert [call[2] for call in journal.calls if call[0] == "commit"] == [39, 39]


async def test_when_the_places_are_settled_the_database_holds_what_it_wrote_behind_them() -> None:
    journal = Journal([range(42, 50), range(51, 53)])
    await write_partition(journal, journal, 3, {}, POSITION)
    settle_partition(journal, 3, settled=range(40, 42))
    assert Extent.read(journal, 3) == Extent(49, 52, (range(50, 51),))
    journal.landed = [range(53, 55)]
    await write_partition(journal, journal, 3, {}, POSITION, settled=range(50, 51))
    assert Extent.read(journal, 3) == Extent(54, 54)
    assert journal.stored.get(LANDED_KEY) is None


async def test_rows_that_are_in_the_changelog_are_taken_over_without_an_append() -> None:
    journal = Journal([range(42, 43)])
    await write_partition(journal, journal, 3, {b"u2": b"row"}, POSITION)
    appended = [call for call in journal.calls if call[0] == "append"]
    settle_partition(journal, 3, adopted={b"u1": b"theirs", b"u2": None}, removed_at={b"u2": 5}, settled=range(40, 42))
    assert [call for call in journal.calls if call[0] == "append"] == appended
    assert (journal.stored[b"u1"], journal.stored[b"u2"]) == (b"theirs", None)
    assert applied_offset_of(journal.stored[tombstone_key(b"u2")] or b"") == 5
    assert Extent.read(journal, 3) == Extent(42, 42)


async def test_what_others_wrote_where_nothing_was_written_since_is_noticed_without_an_append() -> None:
    journal = Journal()
    assert notice_others(journal, 3, 40) == 0
    assert journal.calls == [], "nothing is there"
    assert notice_others(journal, 3, 44) == 4
    assert Extent.read(journal, 3) == Extent(39, 43, (range(40, 44),))
    assert journal.calls == [("commit", 3, 39)]


async def test_a_changelog_that_has_lost_its_tail_is_noticed() -> None:
    journal = Journal([range(38, 40)])
    with pytest.raises(ChangelogShrunk, match=r"partition 3 took a record at offset 38, .* knows of records up to 39"):
        await write_partition(journal, journal, 3, {}, POSITION)
    assert journal.stored == {}


async def test_it_is_noticed_too_where_the_database_knows_of_more_than_it_holds() -> None:
    journal = Journal([range(42, 44)])
    await write_partition(journal, journal, 3, {}, POSITION)
    journal.landed = [range(42, 44)]
    with pytest.raises(ChangelogShrunk, match=r"took a record at offset 42, .* knows of records up to 43"):
        await write_partition(journal, journal, 3, {}, POSITION)


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
