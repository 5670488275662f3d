"""The writer's order: changelog acknowledged, then one batch with rows, position and changelog offset."""

import asyncio
from collections.abc import Mapping

import pytest

from tables.errors import RowTooLarge
from tables.partition_writer import RECORD_OVERHEAD_BYTES, write_partition
from tables.position import POSITION_KEY, Position

Rows = dict[bytes, bytes | None]


class Journal:
    """A changelog and a store that note what they are asked, in order."""

    max_record_bytes = 100

    def __init__(self, failure: Exception | None = None) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.failure = failure

    async def append(self, partition: int, rows: Mapping[bytes, bytes | None], last: tuple[bytes, bytes]) -> int:
        self.calls.append(("append", partition, dict(rows), last))
        await asyncio.sleep(0)
        if self.failure:
            raise self.failure
        return 41

    def commit(self, partition: int, rows: Mapping[bytes, bytes | None], changelog_offset: int) -> None:
        self.calls.append(("commit", partition, dict(rows), changelog_offset))


POSITION = Position(7, 99)


async def test_rows_and_position_go_to_the_changelog_and_then_to_the_store() -> None:
    journal = Journal()
    written = await write_partition(journal, journal, 3, {b"u1": b"row", b"u2": None}, POSITION)
    assert written == len(b"u1row") + len(b"u2") + 2 * RECORD_OVERHEAD_BYTES
    stored: Rows = {b"u1": b"row", b"u2": None, POSITION_KEY: POSITION.encode()}
    assert journal.calls == [
        ("append", 3, {b"u1": b"row", b"u2": None}, (POSITION_KEY, POSITION.encode())),
        ("commit", 3, stored, 41),
    ]


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
