"""Replaying the changelog of a partition that does not run here: recovery, and a standby that follows.

Of two records of one key the one with the higher fence stays, whichever comes last: a batch of a worker that was
thought dead may land behind its successor's. A removal (null) carries no fence and always applies.
"""

import struct
from collections.abc import Iterable
from typing import Protocol

from tables.errors import RowCorrupt
from tables.fence import FENCE, LOCAL, fence_of
from tables.fenced_table import FencedTable

_HIGHEST_KEY = LOCAL + b"highest-fence"
_BELOW_EVERY_FENCE = -(1 << 63)


class ChangelogRecord(Protocol):
    """One record of a changelog partition."""

    @property
    def offset(self) -> int:
        """Where it is."""

    @property
    def key(self) -> bytes:
        """Of the row."""

    @property
    def value(self) -> bytes | None:
        """The row, None where it is removed."""


class Replay:
    """Puts the changelog of one partition into its open database.

    Stored rows are looked up only where one of them may be newer: where a record's fence is below the highest one that
    the database holds. That is at most the source position, for it is written with the rows that it covers, or the
    highest one replayed, which is kept beside them. A changelog in order, as it is but for such late batches, never
    needs a look.

    Parameters
    ----------
    table, partition : where to; the partition does not run while it is replayed.

    Attributes
    ----------
    next_offset : of the changelog; everything below it is in the database.
    older : records that were passed over because a newer row was there.
    """

    def __init__(self, table: FencedTable, partition: int) -> None:
        self._table = table
        self.partition = partition
        self.next_offset = table.changelog_offset(partition) + 1
        self.older = 0
        self._highest = self._known_highest()

    def apply(self, records: Iterable[ChangelogRecord], reached: int) -> None:
        """Store records, in the order of the changelog, and `reached`, the offset behind them, in one atomic batch.

        Raises
        ------
        RowCorrupt
            When a row has no fence; nothing of the batch is stored then.
        RuntimeError
            When the partition runs: its rows are newer than the changelog that was read.
        """
        if self.partition in self._table.running:
            raise RuntimeError(f"partition {self.partition} runs, its changelog must not be replayed")
        rows, fences, removed = self._newest(records)
        for key in self._outdone(fences, removed):
            del rows[key], fences[key]
            self.older += 1
        if self._highest is not None:
            self._highest = max((self._highest, *fences.values()))
            rows[_HIGHEST_KEY] = FENCE.pack(self._highest)
        self._table.commit(self.partition, rows, reached - 1)
        self.next_offset = reached

    def _known_highest(self) -> int | None:
        """Return what no fence in the database exceeds, None for a database that was not begun by this code."""
        marked = self._table.read(self.partition, _HIGHEST_KEY)
        if marked is None and self.next_offset:
            return None
        if marked is None:
            marked = FENCE.pack(_BELOW_EVERY_FENCE)
            self._table.commit(self.partition, {_HIGHEST_KEY: marked}, -1)
        position = self._table.position(self.partition)
        return max(fence_of(marked), _BELOW_EVERY_FENCE if position is None else position.next_offset)

    def _newest(
        self, records: Iterable[ChangelogRecord]
    ) -> tuple[dict[bytes, bytes | None], dict[bytes, int], set[bytes]]:
        """Return the newest row of each key, the fences of those that are rows, and the keys removed on the way."""
        rows: dict[bytes, bytes | None] = {}
        fences: dict[bytes, int] = {}
        removed: set[bytes] = set()
        for record in records:
            key, value = record.key, record.value
            if value is None:
                removed.add(key)
                fences.pop(key, None)
            else:
                fence = self._fence(record.offset, value)
                if fence < fences.get(key, fence):
                    self.older += 1
                    continue
                fences[key] = fence
            rows[key] = value
        return rows, fences, removed

    def _outdone(self, fences: dict[bytes, int], removed: set[bytes]) -> list[bytes]:
        """Return the keys whose stored row is newer than the one that was read."""
        highest = self._highest
        doubtful = [key for key, fence in fences.items() if (highest is None or fence < highest) and key not in removed]
        stored = zip(doubtful, self._table.read_many(self.partition, doubtful), strict=True)
        return [key for key, row in stored if row is not None and fences[key] < fence_of(row)]

    def _fence(self, offset: int, row: bytes) -> int:
        try:
            return fence_of(row)
        except struct.error:
            raise RowCorrupt(
                f"changelog of partition {self.partition}: the row at offset {offset} has {len(row)} bytes, too few"
            ) from None
