"""The one writer of a partition: changelog acknowledged first, then one RocksDB write batch.

Whoever changes a row goes through `write_partition`: events, re-solving, forgetting. The local database is never
ahead of the changelog, and a crash between the two steps leaves an older state with its own older position.
"""

from collections.abc import Mapping
from typing import Protocol

from tables.errors import RowTooLarge
from tables.position import POSITION_KEY, Position

RECORD_OVERHEAD_BYTES = 12
"""Of a Kafka record beside its key and value, within a byte or two."""


class Changelog(Protocol):
    """Where rows go before they are stored: a compacted Kafka topic, one partition for one of the source's."""

    max_record_bytes: int
    """Largest key and value together that one record may have."""

    async def append(self, partition: int, rows: Mapping[bytes, bytes | None], last: tuple[bytes, bytes]) -> int:
        """Append `rows`, then `last`, and return the offset of `last` once the broker has acknowledged all.

        `last` is in the last batch; if the rows need more than one batch, that one is sent only after the others
        are acknowledged, so `last` is never there without them.
        """


class Store(Protocol):
    """Where a partition's rows are kept."""

    def commit(self, partition: int, rows: Mapping[bytes, bytes | None], changelog_offset: int) -> None:
        """Write the rows and the changelog offset in one atomic batch."""


async def write_partition(
    changelog: Changelog,
    store: Store,
    partition: int,
    rows: Mapping[bytes, bytes | None],
    position: Position,
) -> int:
    """Make rows and the source position durable, together; return the bytes that this came to in the changelog.

    Parameters
    ----------
    changelog, store : where to; both are awaited or called once.
    partition : which one; it must be this process's own.
    rows : key to row, None to remove; every key once.
    position : the source position that these rows reach.

    Raises
    ------
    RowTooLarge
        Before anything is sent, when a row does not fit into one record.
    """
    written = 0
    for key, row in rows.items():
        size = len(key) + (0 if row is None else len(row))
        if size > changelog.max_record_bytes:
            raise RowTooLarge(
                f"a row of partition {partition} has {size} bytes, one changelog record holds "
                f"{changelog.max_record_bytes}; lower the bounds on history and stored scores"
            )
        written += size + RECORD_OVERHEAD_BYTES
    encoded = position.encode()
    offset = await changelog.append(partition, rows, (POSITION_KEY, encoded))
    store.commit(partition, {**rows, POSITION_KEY: encoded}, offset)
    return written
