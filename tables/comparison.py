"""Of two rows the source decides: comparing records of others in a changelog with what a database holds of their keys.

The higher rank counts (`applied_offset`), whoever wrote it and wherever it lies. Rows of one rank are equal: they
differ in when they were written, or in the version that made the list. So there are three outcomes for a key:

- a record outranks what is held: it is *adopted*;
- the last record of the key is outranked, by what is held or by what is adopted: that is *appended* again, as it is;
- neither: there is nothing to do.

Nothing gets another applied offset by that. So two databases that compare themselves with each other's records come to
the same rows, and to an end.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tables.applied_offset import LOWEST_RANK, applied_offset_of, is_replicated, row_rank, stored_rank, tombstone_rank
from tables.errors import NewerFormat, RowCorrupt
from tables.extent import Readable
from tables.position import POSITION_KEY
from tables.replay import ChangelogRecord, replayed_rank
from tables.tombstones import tombstone_key

_MAX_OPEN = 50_000
"""Keys that a comparison keeps at once, at about 200 bytes."""
_MAX_ADOPTED = 500
"""Rows that it keeps at once."""
UNKNOWN_REMOVED_AT = -1
"""The applied offset of a tombstone behind something unreadable, of a key of which nothing is held: below every row."""
_UNKNOWN = LOWEST_RANK + 1


class Held(NamedTuple):
    """What counts of a key.

    Parameters
    ----------
    rank : the lowest of all where nothing is known of the key.
    row : None where there is none.
    removed_at : the applied offset of the tombstone that counts where there is no row.
    """

    rank: int = _UNKNOWN
    row: bytes | None = None
    removed_at: int = UNKNOWN_REMOVED_AT


def held_of(table: Readable, partition: int, keys: Sequence[bytes]) -> dict[bytes, Held]:
    """Return what a database holds of keys: rows, remembered tombstones, or neither."""
    stored = table.read_many(partition, [*keys, *map(tombstone_key, keys)])
    return {key: _held(row, gone) for key, row, gone in zip(keys, stored, stored[len(keys) :], strict=False)}


def rank_of(record: ChangelogRecord) -> int:
    """Return a record's rank; below every other for a row, or a tombstone's header, that has no applied offset.

    A tombstone without a header, of earlier code, ranks as nothing known.
    """
    try:
        rank = replayed_rank(record)
    except NewerFormat:  # of a position, whose applied offset is where it always was
        return LOWEST_RANK if record.value is None else stored_rank(record.value)
    except RowCorrupt:
        return LOWEST_RANK
    return _UNKNOWN if rank is None else rank


def is_ahead(record: ChangelogRecord, next_offset: int) -> bool:
    """Return whether a record is of somebody who was further in the source than the position `next_offset`."""
    return rank_of(record) >= row_rank(next_offset + (1 if record.key == POSITION_KEY else 0))


@dataclass(slots=True)
class Comparison:
    """What records of others come to, beside what a database holds.

    Attributes
    ----------
    adopted : by key, the highest of the records that outrank what is held.
    outranked : by key, the rank of what counts, where the last record that was met is below it.
    """

    adopted: dict[bytes, Held] = field(default_factory=dict)
    outranked: dict[bytes, int] = field(default_factory=dict)

    @property
    def full(self) -> bool:
        """Whether no more records should be met: what is kept of them is bounded."""
        return len(self.outranked) >= _MAX_OPEN or len(self.adopted) >= _MAX_ADOPTED

    def meet(self, records: Sequence[ChangelogRecord], held: Mapping[bytes, Held]) -> None:
        """Take records of others, in their order; `held` tells of all their keys. A position is never adopted."""
        for record in records:
            if not is_replicated(record.key):
                continue
            key, rank = record.key, rank_of(record)
            counts = self.adopted.get(key, held[key])
            if rank > max(counts.rank, _UNKNOWN) and key != POSITION_KEY:
                removed_at = UNKNOWN_REMOVED_AT if record.value is not None else rank // 2
                self.adopted[key] = Held(rank, record.value, removed_at)
                self.outranked.pop(key, None)
            else:
                self._lies_behind(key, rank, counts.rank)

    def follow(self, records: Iterable[ChangelogRecord]) -> None:
        """Take any records that lie behind those met: the last of a key is what compaction keeps."""
        for record in records:
            counts = self.outranked.get(record.key)
            if counts is None and (adopted := self.adopted.get(record.key)) is not None:
                counts = adopted.rank
            if counts is not None:
                self._lies_behind(record.key, rank_of(record), counts)

    def _lies_behind(self, key: bytes, rank: int, counts: int) -> None:
        if rank < counts:
            self.outranked[key] = counts
        else:
            self.outranked.pop(key, None)


def _held(row: bytes | None, tombstone: bytes | None) -> Held:
    if row is not None:
        return Held(stored_rank(row), row)
    if tombstone is not None:
        removed_at = applied_offset_of(tombstone)
        return Held(tombstone_rank(removed_at), None, removed_at)
    return Held()
