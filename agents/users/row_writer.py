"""The way of rows into this worker's partitions: all who write a row, write it here, in their turn.

`Ownership` gives the turns; `tables.partition_writer` has the order of a write and notices what others wrote between.
"""

import logging
from collections.abc import Mapping
from types import MappingProxyType

from agents.users.metrics import UserMetrics
from tables.batch_table import BatchTable
from tables.partition_writer import Changelog, notice_others, write_partition
from tables.position import Position

_log = logging.getLogger(__name__)


class RowWriter:
    """Writes rows with their position.

    Parameters
    ----------
    changelog, table : where to; the changelog is the table's.
    metrics : counts what others wrote between.
    """

    def __init__(self, changelog: Changelog, table: BatchTable, metrics: UserMetrics) -> None:
        self._changelog = changelog
        self._table = table
        self._metrics = metrics

    async def write(
        self,
        partition: int,
        rows: Mapping[bytes, bytes | None],
        position: Position,
        *,
        removed_at: Mapping[bytes, int] = MappingProxyType({}),
        settled: range = range(0),
    ) -> int:
        """Write as `write_partition` does, and raise what it raises; returns the bytes of the rows."""
        written = await write_partition(
            self._changelog, self._table, partition, rows, position, removed_at=removed_at, settled=settled
        )
        self._count(partition, written.intruded)
        return written.size

    def notice(self, partition: int, end: int) -> None:
        """Remember as others' what the changelog holds up to the offset `end`, where nothing was written since."""
        self._count(partition, notice_others(self._table, partition, end))

    def _count(self, partition: int, intruded: int) -> None:
        if intruded:
            self._metrics.changelog_intruded.inc(intruded)
            _log.warning(
                "partition %d: %d records landed in the changelog that this worker did not write, late ones of another "
                "owner or own ones that were taken twice; they are compared with its rows, and the newer ones count",
                partition,
                intruded,
            )
