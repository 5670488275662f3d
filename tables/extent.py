"""How far a database is with its changelog: what it holds, and what in it belongs to others and was not looked at yet.

Two offsets tell it. Everything up to `held` is in the database: only from there on may a recovery read. `landed` is the
last offset that is accounted for: held, written by this database's own worker, or a place of others (`intrusions`). As
long as nobody else writes they are one. A batch that lands behind records of others moves `landed` alone: what lies
between was never applied, and a removal may be among it. Once the places are settled, `held` follows.

Both are written in the batch with the rows, so that a crash leaves an older state with its own older extent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tables.applied_offset import CHANGELOG_OFFSET_KEY, LOCAL
from tables.errors import ChangelogShrunk, RowCorrupt
from tables.intrusions import INTRUSIONS_KEY, decode_intrusions, encode_intrusions, without

LANDED_KEY = LOCAL + b"landed"
"""Where a database keeps `landed` while it is not what it holds; decimal, as Faust's own offset."""
_KEYS = (CHANGELOG_OFFSET_KEY, LANDED_KEY, INTRUSIONS_KEY)


class Readable(Protocol):
    """Where a partition's rows are read."""

    def read_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the rows of keys, None where there is none."""


@dataclass(frozen=True, slots=True)
class Extent:
    """The extent of one database; see the module.

    Parameters
    ----------
    held : the last offset that is in the database with everything before it, -1 for none.
    landed : the last offset that is accounted for, at least `held`.
    places : ranges where records of others lie that must be looked at, ascending; none beyond `landed`.
    """

    held: int = -1
    landed: int = -1
    places: tuple[range, ...] = ()

    @classmethod
    def read(cls, table: Readable, partition: int) -> "Extent":
        """Return a database's extent; raises `RowCorrupt` when one of its two offsets is no number."""
        held, landed, places = table.read_many(partition, _KEYS)
        at = _offset(partition, held)
        return cls(at, max(at, _offset(partition, landed)), tuple(decode_intrusions(places)))

    @property
    def unseen(self) -> bool:
        """Whether there are places whose records the database has not been told of."""
        return self.landed > self.held

    def with_batches(self, partition: int, landed: Sequence[range]) -> "Extent":
        """Return the extent after batches of its own worker landed, in their order.

        Raises
        ------
        ChangelogShrunk
            When one landed where records were already.
        """
        expected, gaps = self.landed + 1, []
        for batch in landed:
            if batch.start < expected:
                raise ChangelogShrunk(
                    f"the changelog of partition {partition} took a record at offset {batch.start}, but this worker's "
                    f"database knows of records up to {expected - 1}: it was deleted and made again, or lost its tail. "
                    "Keep a copy of the data folder before anything else: it may hold what the changelog lost"
                )
            if batch.start > expected:
                gaps.append(range(expected, batch.start))
            expected = batch.stop
        return self._after(expected - 1, (*self.places, *gaps))

    def with_others(self, end: int) -> "Extent":
        """Return the extent when everything from `landed` on up to the offset `end` is of others."""
        if end <= self.landed + 1:
            return self
        return self._after(end - 1, (*self.places, range(self.landed + 1, end)))

    def settled(self, place: range) -> "Extent":
        """Return the extent when the database holds what counts of a place, and the changelog has it behind."""
        return self._after(self.landed, without(self.places, place))

    def replayed(self, reached: int, met: Sequence[range]) -> "Extent":
        """Return the extent when everything up to the offset `reached` was replayed, and places in it were `met`.

        It does not go on to `landed`: of its own records behind, replay may just have put an earlier one in the place
        of a later one of equal rank.
        """
        places = encode_intrusions((*without(self.places, range(self.held + 1, reached)), *met))
        return Extent(reached - 1, max(self.landed, reached - 1), tuple(decode_intrusions(places)))

    def changes(self, after: "Extent") -> dict[bytes, bytes | None]:
        """Return the local rows in which `after` differs, but for the offset held, which every commit writes."""
        rows: dict[bytes, bytes | None] = {}
        if after.places != self.places:
            rows[INTRUSIONS_KEY] = encode_intrusions(after.places)
        if after.unseen:
            rows[LANDED_KEY] = b"%d" % after.landed
        elif self.unseen:
            rows[LANDED_KEY] = None
        return rows

    def _after(self, landed: int, places: Sequence[range]) -> "Extent":
        """Return the extent with other places: up to the first one beyond what is held, everything is held then."""
        kept = tuple(decode_intrusions(encode_intrusions(places)))
        beyond = next((place.start - 1 for place in kept if place.stop > self.held + 1), landed)
        return Extent(max(self.held, beyond), landed, kept)


def _offset(partition: int, row: bytes | None) -> int:
    if row is None:
        return -1
    try:
        return int(row)
    except ValueError:
        raise RowCorrupt(f"partition {partition}: {row!r} in the place of a changelog offset") from None
