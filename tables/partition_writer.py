"""The one writer of a partition: changelog acknowledged first, then one RocksDB write batch.

Whoever changes a row goes through `write_partition`: events, re-solving, erasure. The local database is never
ahead of the changelog, and a crash between the two steps leaves an older state with its own older position.

Nobody else writes to a changelog partition, so an append lands right behind the one before. Where it does not,
somebody else's records lie between: a late batch of a worker that was thought dead, or this one's own that the broker
took twice. Their places are remembered in the same write batch (`intrusions`).
"""

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from tables.errors import ChangelogShrunk, RowTooLarge
from tables.intrusions import INTRUSIONS_KEY, decode_intrusions, encode_intrusions, without
from tables.position import POSITION_KEY, Position
from tables.tombstones import tombstone_key, tombstone_row

RECORD_OVERHEAD_BYTES = 12
"""The size of a Kafka record beside its key and value, within a byte or two."""
_NOTHING = range(0)


class Changelog(Protocol):
    """Where rows go before they are stored: a compacted Kafka topic, one partition for one of the source's."""

    max_record_bytes: int
    """Largest key and value together that one record may have."""

    async def append(
        self, partition: int, rows: Mapping[bytes, bytes | None], removed_at: int, last: tuple[bytes, bytes]
    ) -> Sequence[range]:
        """Append `rows`, then `last`, and return the offsets of all once the broker has acknowledged them.

        `removed_at` is the applied offset of those rows that are tombstones. `last` is in the last batch; if the rows
        need more than one batch, that one is sent only after the others are acknowledged, so `last` is never there
        without them. The offsets are one range a batch, in the order of the records.
        """


class Store(Protocol):
    """Where a partition's rows are kept."""

    def changelog_offset(self, partition: int) -> int:
        """Return the last changelog offset that it holds, -1 for none."""

    def read(self, partition: int, key: bytes) -> bytes | None:
        """Return a row."""

    def commit(self, partition: int, rows: Mapping[bytes, bytes | None], changelog_offset: int) -> None:
        """Write the rows and the changelog offset in one atomic batch."""


class Written(NamedTuple):
    """What a write came to.

    Parameters
    ----------
    size : bytes of the rows in the changelog.
    intruded : records of others that landed between the write before and this one's last record.
    """

    size: int
    intruded: int


async def write_partition(
    changelog: Changelog,
    store: Store,
    partition: int,
    rows: Mapping[bytes, bytes | None],
    position: Position,
    settled: range = _NOTHING,
) -> Written:
    """Make rows and the source position durable, together.

    Parameters
    ----------
    changelog, store : where to.
    partition : which one; it must be this process's own.
    rows : key to row, None to remove; every key once, and every applied offset below the position.
    position : the source position that these rows reach.
    settled : offsets that need not be remembered any longer: with `rows`, what counts is behind them.

    Raises
    ------
    RowTooLarge
        Before anything is sent, when a row does not fit into one record.
    ChangelogShrunk
        When the broker put records where this partition's records were.
    """
    size = _size(changelog, partition, rows)
    expected = store.changelog_offset(partition) + 1
    removed_at = position.next_offset - 1
    encoded = position.encode()
    landed = await changelog.append(partition, rows, removed_at, (POSITION_KEY, encoded))
    gaps = _gaps(partition, expected, landed)
    stored = {**rows, **_tombstones(rows, removed_at), POSITION_KEY: encoded}
    if gaps or settled:
        known = decode_intrusions(store.read(partition, INTRUSIONS_KEY))
        stored[INTRUSIONS_KEY] = encode_intrusions(without(known, settled) + gaps)
    store.commit(partition, stored, landed[-1][-1])
    return Written(size, sum(map(len, gaps)))


def _size(changelog: Changelog, partition: int, rows: Mapping[bytes, bytes | None]) -> int:
    written = 0
    for key, row in rows.items():
        size = len(key) + (0 if row is None else len(row))
        if size > changelog.max_record_bytes:
            raise RowTooLarge(
                f"a row of partition {partition} has {size} bytes, one changelog record holds "
                f"{changelog.max_record_bytes}; lower the bounds on history and stored scores"
            )
        written += size + RECORD_OVERHEAD_BYTES
    return written


def _gaps(partition: int, expected: int, landed: Sequence[range]) -> list[range]:
    """Return the offsets between what was expected and where the batches landed."""
    gaps = []
    for batch in landed:
        if batch.start < expected:
            raise ChangelogShrunk(
                f"the changelog of partition {partition} took a record at offset {batch.start}, but this worker's "
                f"database holds it up to {expected - 1}: it was deleted and made again, or lost its tail"
            )
        if batch.start > expected:
            gaps.append(range(expected, batch.start))
        expected = batch.stop
    return gaps


def _tombstones(rows: Mapping[bytes, bytes | None], removed_at: int) -> dict[bytes, bytes | None]:
    """Return what the database remembers of rows that are removed."""
    removed = [key for key, row in rows.items() if row is None]
    if not removed:
        return {}
    return dict.fromkeys(map(tombstone_key, removed), tombstone_row(removed_at, int(time.time() * 1000)))
