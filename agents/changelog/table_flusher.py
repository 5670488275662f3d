"""What is done for the table once an hour, however little is written: it is put into its files, and some is read back.

What the table remembers of tombstones is dropped after a day (`tables.tombstones`), and what it keeps of rows that
cannot be read after a week (`tables.rows_aside`).

The table keeps no journal but the changelog, so a crash takes it back to its last flush, and what is in the changelog
since is replayed. Tombstones may stay there for a day only (Kafka's `delete.retention.ms`): a table that was not
flushed for longer could come back with rows that were removed. Each database is therefore told once an hour that it is
current, and is not believed after a day without that (`tables.partition_folders`). A standby is current when the broker
has just said so, an own partition when no records of others wait there to be looked at.

Rows that nobody asks for may rot unseen until a standby or a merge needs them. Each hour one partition is read from
end to end, in turn, a few rows at a time. A start does not do it: reading all rows with their checksums takes a second
of a core for 0.7 to 1.2 GB from memory, half the time of replaying the whole changelog, and the disk is slower.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from itertools import count

from tables.batch_table import BatchTable
from tables.extent import Extent
from tables.rows_aside import ASIDE_KEPT_MS, purge_aside
from tables.tombstones import TOMBSTONES_KEPT_MS, purge_tombstones

_HOUR_SECONDS = 3600.0
_ROWS_AT_ONCE = 200
"""About a millisecond."""
_ASIDE_AT_ONCE = 10
"""Each may have a MiB."""
_PAUSE_SECONDS = 0.02
"""Between them: the check takes a twentieth of the core at most."""

_log = logging.getLogger(__name__)


async def flush_regularly(table: BatchTable) -> None:
    """For ever: once an hour, flush every open database of the table and check one of them."""
    for hour in count():
        await asyncio.sleep(_HOUR_SECONDS)
        table.note_current(current_partitions(table))
        table.flush_databases()
        partitions = table.open_partitions()
        for partition in partitions:
            await purge_partition(table, partition)
        if partitions:
            await check_partition(table, partitions[hour % len(partitions)])


def current_partitions(table: BatchTable) -> set[int]:
    """Return the partitions whose databases have all of the changelog: own ones without records not looked at yet."""
    running = {partition for partition in table.running if not Extent.read(table, partition).unseen}
    return running | table.complete_standbys


async def purge_partition(table: BatchTable, partition: int) -> None:
    """Drop what was set aside long ago, and tombstones that are too old for a copy of their rows to land yet.

    While there are places of the changelog to be looked at, older rows may lie there, and no tombstone is dropped.
    """
    if table.database(partition) is None:
        return
    now_ms = int(time.time() * 1000)
    await _purge(purge_aside, table, partition, now_ms - ASIDE_KEPT_MS, _ASIDE_AT_ONCE)
    if table.database(partition) is not None and not Extent.read(table, partition).places:
        await _purge(purge_tombstones, table, partition, now_ms - TOMBSTONES_KEPT_MS, _ROWS_AT_ONCE)


_PurgeSome = Callable[[BatchTable, int, int, bytes, int], bytes | None]
"""Drops what is older than a time among some rows of a partition, from a key on; returns the next key."""


async def _purge(some: _PurgeSome, table: BatchTable, partition: int, before_ms: int, at_once: int) -> None:
    key: bytes | None = b""
    try:
        while key is not None:
            key = some(table, partition, before_ms, key, at_once)
            await asyncio.sleep(_PAUSE_SECONDS)
    except KeyError:
        _log.info("partition %d was given away while it was purged", partition)


async def check_partition(table: BatchTable, partition: int) -> None:
    """Read every row of a partition with its checksum; the table hears of a rotten one, as with any reading."""
    key: bytes | None = b""
    try:
        while key is not None:
            key = table.check_rows(partition, key, _ROWS_AT_ONCE)
            await asyncio.sleep(_PAUSE_SECONDS)
    except KeyError:
        _log.info("partition %d was given away while it was checked", partition)
