"""The one writer of a partition: changelog acknowledged first, then one RocksDB write batch.

Whoever changes a row goes through `write_partition`: events, erasures among them, re-solving, the mender; a takeover
writes the position so. The local database is never ahead of the changelog, and a crash between the two steps leaves an
older state with its own older position.

Nobody else writes to a changelog partition, so an append lands right behind the one before. Where it does not,
somebody else's records lie between: a late batch of a worker that was thought dead, those of a successor that this one
has not heard of, or this one's own that the broker took twice. The database does not claim them (`extent`): their
places are remembered in the same write batch until the mender has looked at them, and a recovery reads them.
"""

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol

from tables.errors import RowTooLarge
from tables.extent import Extent
from tables.position import POSITION_KEY, Position
from tables.tombstones import tombstone_key, tombstone_row

RECORD_OVERHEAD_BYTES = 12
"""The size of a Kafka record beside its key and value, within a byte or two."""
_NOWHERE = range(0)
_NOTHING: Mapping[bytes, int] = MappingProxyType({})


class Changelog(Protocol):
    """Where rows go before they are stored: a compacted Kafka topic, one partition for one of the source's."""

    max_record_bytes: int
    """Largest key and value together that one record may have."""

    async def append(
        self,
        partition: int,
        rows: Mapping[bytes, bytes | None],
        removed_at: Mapping[bytes, int],
        last: tuple[bytes, bytes],
    ) -> Sequence[range]:
        """Append `rows`, then `last`, and return the offsets of all once the broker has acknowledged them.

        `removed_at` has the applied offset of each of those rows that are tombstones. `last` is in the last batch; if
        the rows need more than one batch, that one is sent only after the others are acknowledged, so `last` is never
        there without them. The offsets are one range a batch, in the order of the records.
        """


class Store(Protocol):
    """Where a partition's rows are kept."""

    def read_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the rows of keys, None where there is none."""

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
    *,
    removed_at: Mapping[bytes, int] = _NOTHING,
    settled: range = _NOWHERE,
) -> Written:
    """Make rows and the source position durable, together.

    Parameters
    ----------
    changelog, store : where to.
    partition : which one; it must be this process's own.
    rows : key to row, None to remove; every key once, and every applied offset below the position.
    position : the source position that these rows reach.
    removed_at : applied offsets of tombstones, where they are not the last one before the position.
    settled : offsets that need not be remembered any longer: with `rows`, what counts is held, and is behind them.

    Raises
    ------
    RowTooLarge
        Before anything is sent, when a row does not fit into one record.
    ChangelogShrunk
        When the broker put records where this partition's records were.
    """
    size = _size(changelog, partition, rows)
    before = Extent.read(store, partition)
    removed = {key: removed_at.get(key, position.next_offset - 1) for key, row in rows.items() if row is None}
    encoded = position.encode()
    landed = await changelog.append(partition, rows, removed, (POSITION_KEY, encoded))
    noticed = before.with_batches(partition, landed)
    after = noticed.settled(settled)
    stored = {**rows, **_tombstones(removed), POSITION_KEY: encoded, **before.changes(after)}
    store.commit(partition, stored, after.held)
    return Written(size, noticed.landed - before.landed - sum(map(len, landed)))


def settle_partition(
    store: Store,
    partition: int,
    *,
    adopted: Mapping[bytes, bytes | None] = MappingProxyType({}),
    removed_at: Mapping[bytes, int] = _NOTHING,
    settled: range = _NOWHERE,
) -> None:
    """Take rows over that are in the changelog already, and forget places; nothing is appended.

    Parameters
    ----------
    store, partition : where to; it must be this process's own.
    adopted : key to row, None to remove.
    removed_at : the applied offset of each removal.
    settled : as `write_partition` takes it.
    """
    before = Extent.read(store, partition)
    after = before.settled(settled)
    store.commit(partition, {**adopted, **_tombstones(removed_at), **before.changes(after)}, after.held)


def notice_others(store: Store, partition: int, end: int) -> int:
    """Remember the place of what others wrote up to the offset `end`, where nothing was written here since.

    Returns how many records that are; nothing is appended.
    """
    before = Extent.read(store, partition)
    after = before.with_others(end)
    if after != before:
        store.commit(partition, before.changes(after), after.held)
    return after.landed - before.landed


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


def _tombstones(removed_at: Mapping[bytes, int]) -> dict[bytes, bytes | None]:
    """Return what the database remembers of rows that are removed."""
    if not removed_at:
        return {}
    now_ms = int(time.time() * 1000)
    return {tombstone_key(key): tombstone_row(offset, now_ms) for key, offset in removed_at.items()}
