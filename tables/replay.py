"""Replaying the changelog of a partition that does not run here: recovery, and a standby that follows.

The higher applied offset wins between two records of one key, whichever comes last: a batch of a worker that was
thought dead may land behind its successor's. A tombstone covers rows of its own applied offset, too. Tombstones of
earlier code carry no applied offset and always apply. Places where an older record lies behind a newer one are
remembered (`intrusions`).

A record without an applied offset, a position that is none, and one under a key that no changelog has are nobody's:
they are passed over as older ones are, so that the owner writes what counts behind them, and set aside (`rows_aside`).
"""

import time
from collections.abc import Sequence
from typing import Protocol

from tables.applied_offset import (
    APPLIED_OFFSET,
    HIGHEST_APPLIED_OFFSET_KEY,
    RESERVED,
    applied_offset_of,
    believed_offset,
    is_replicated,
    outranking_offset,
    row_rank,
    stored_rank,
    tombstone_rank,
)
from tables.batch_table import BatchTable
from tables.errors import RowCorrupt
from tables.extent import Extent
from tables.position import POSITION_KEY, Position
from tables.tombstones import tombstone_key, tombstone_offset, tombstone_row

_BELOW_EVERY_OFFSET = -(1 << 63)
_FIRST_USER = bytes([RESERVED[0] + 1])


class ChangelogRecord(Protocol):
    """One record of a changelog partition."""

    @property
    def offset(self) -> int:
        """Where it is."""

    @property
    def key(self) -> bytes:
        """The key of the row."""

    @property
    def value(self) -> bytes | None:
        """The row, None where it is removed."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """The headers; a tombstone's hold its applied offset."""


class Replay:
    """Puts the changelog of one partition into its open database.

    What is stored is looked up only where it may be newer: where a record's applied offset is below the highest one
    that the database holds. It is at most the source position, for it is written with the rows that it covers, or the
    highest one replayed, which is kept beside them. A changelog in order, as it is but for such late batches, never
    needs a look.

    Parameters
    ----------
    table, partition : where to; the partition does not run while it is replayed.

    Attributes
    ----------
    next_offset : of the changelog; everything below it is in the database.
    known_end : the offset behind the last record that the database knows of; its own may lie beyond `next_offset`.
    older : records that were passed over because a newer row, or a newer tombstone, was there.
    """

    def __init__(self, table: BatchTable, partition: int) -> None:
        self._table = table
        self.partition = partition
        self._extent = Extent.read(table, partition)
        self.next_offset = self._extent.held + 1
        self.older = 0
        self._highest = self._known_highest()

    @property
    def known_end(self) -> int:
        """Return the offset behind the last record that the database knows of."""
        return self._extent.landed + 1

    def apply(self, records: Sequence[ChangelogRecord], reached: int) -> None:
        """Store records, in the order of the changelog, and `reached`, the offset behind them, in one atomic batch.

        Raises
        ------
        NewerFormat
            When a later release wrote a position; nothing of the batch is stored then.
        RuntimeError
            When the partition runs: its rows are newer than the changelog that was read.
        """
        if self.partition in self._table.running:
            raise RuntimeError(f"partition {self.partition} runs, its changelog must not be replayed")
        newest = _Newest()
        newest.meet(records)
        for record, error in newest.unreadable:
            self._table.set_row_aside(self.partition, record.key, record.value or b"", error, record.offset)
        outdone = self._outdone(newest)
        if outdone:
            newest.drop(outdone, records)
        rows = newest.to_store()
        after = self._extent.replayed(reached, [range(offset, offset + 1) for offset in newest.passed.values()])
        rows |= self._extent.changes(after)
        if self._highest is not None:
            self._highest = max(self._highest, newest.highest)
            rows[HIGHEST_APPLIED_OFFSET_KEY] = APPLIED_OFFSET.pack(self._highest)
        self._table.commit(self.partition, rows, reached - 1)
        self._extent = after
        self.next_offset = reached
        self.older += newest.older

    def _known_highest(self) -> int | None:
        """Return what no applied offset here exceeds, None for a database that was not begun by this code."""
        marked = self._table.read(self.partition, HIGHEST_APPLIED_OFFSET_KEY)
        if marked is None and self.next_offset:
            return None
        if marked is None:
            marked = APPLIED_OFFSET.pack(_BELOW_EVERY_OFFSET)
            self._table.commit(self.partition, {HIGHEST_APPLIED_OFFSET_KEY: marked}, -1)
        position = self._table.position(self.partition)
        return max(applied_offset_of(marked), _BELOW_EVERY_OFFSET if position is None else position.next_offset)

    def _outdone(self, newest: "_Newest") -> set[bytes]:
        """Return the keys of which something newer is stored than what was read."""
        bound = None if self._highest is None else row_rank(self._highest)
        doubtful = [
            key for key, rank in newest.ranks.items() if (bound is None or rank < bound) and key not in newest.cleared
        ]
        if not doubtful:
            return set()
        stored = self._table.read_many(self.partition, [*doubtful, *map(tombstone_key, doubtful)])
        return {
            key
            for key, row, tombstone in zip(doubtful, stored, stored[len(doubtful) :], strict=False)
            if (row is not None and newest.ranks[key] < stored_rank(row))
            or (tombstone is not None and newest.ranks[key] <= stored_rank(tombstone))  # it covers rows of its offset
        }


class _Newest:
    """The newest of each key's records, of those that it has met.

    Attributes
    ----------
    rows : what counts by key, None where it is a tombstone.
    ranks : of those; a tombstone without an applied offset has none.
    cleared : keys that a tombstone without an applied offset met on the way: what is stored of them is of no account.
    passed : the last offset at which an older record was passed over, by key, unless a newer one came behind it.
    older : records that were passed over because a newer one was there.
    unreadable : records that are nobody's, and why.
    """

    def __init__(self) -> None:
        self._removed: set[bytes] = set()
        self.rows: dict[bytes, bytes | None] = {}
        self.ranks: dict[bytes, int] = {}
        self.cleared: set[bytes] = set()
        self.passed: dict[bytes, int] = {}
        self.older = 0
        self.unreadable: list[tuple[ChangelogRecord, RowCorrupt]] = []

    def meet(self, records: Sequence[ChangelogRecord]) -> None:
        """Take records, in their order."""
        rows, ranks, passed = self.rows, self.ranks, self.passed
        for record in records:
            key, value = record.key, record.value
            try:
                # of a user's row as `replayed_rank` gives it, without its calls
                rank = replayed_rank(record) if value is None or key < _FIRST_USER else 2 * believed_offset(value)
            except RowCorrupt as error:
                self.unreadable.append((record, error))
                if is_replicated(key):
                    passed[key] = record.offset
                continue
            if value is None:
                self._removed.add(key)
            if rank is None:
                self._clear(key)
                continue
            if rank < ranks.get(key, rank):
                passed[key] = record.offset
                self.older += 1
                continue
            ranks[key] = rank
            rows[key] = value
            if passed:
                passed.pop(key, None)

    def drop(self, keys: set[bytes], records: Sequence[ChangelogRecord]) -> None:
        """Pass over what was met of keys: something newer is stored."""
        for key in keys:
            del self.rows[key], self.ranks[key]
        self.older += len(keys)
        self.passed |= {record.key: record.offset for record in records if record.key in keys}

    @property
    def highest(self) -> int:
        """What no row's applied offset exceeds and every tombstone's applied offset is below."""
        return outranking_offset(max(self.ranks.values(), default=row_rank(_BELOW_EVERY_OFFSET)))

    def to_store(self) -> dict[bytes, bytes | None]:
        """Return what a database keeps of it, tombstones included."""
        if not self._removed:
            return self.rows
        now_ms = int(time.time() * 1000)
        rows = self.rows | dict.fromkeys(map(tombstone_key, self.cleared))
        for key in self._removed:
            rank = self.ranks.get(key)
            if rank is not None and rows[key] is None:
                rows[tombstone_key(key)] = tombstone_row(rank // 2, now_ms)
        return rows

    def _clear(self, key: bytes) -> None:
        self.rows[key] = None
        self.ranks.pop(key, None)
        self.passed.pop(key, None)
        self.cleared.add(key)


def replayed_rank(record: ChangelogRecord) -> int | None:
    """Return the rank of any record, None for a tombstone without an applied offset; raises `RowCorrupt`."""
    if not is_replicated(record.key):
        raise RowCorrupt("a row of a changelog under a key that only databases have")
    if record.value is None:
        applied_offset = tombstone_offset(record.headers)
        return None if applied_offset is None else tombstone_rank(applied_offset)
    if record.key == POSITION_KEY:
        Position.decode(record.value)
    return row_rank(believed_offset(record.value))
