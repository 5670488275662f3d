"""Rows that are under way to the changelog, in front of the table: the next chunk is applied on top of them.

While one chunk is acknowledged and stored, the next one is prepared. It must find the rows of the one before as they
will be, or an event of the same user would overwrite what has just been applied. Queries read the table alone: nobody
is told of an event that a crash could still take back.
"""

from collections.abc import Iterable, Mapping, Sequence

from tables.batch_table import BatchTable
from tables.position import Position

Rows = Mapping[bytes, bytes | None]
"""Rows by key; None is a row that is removed."""


class PendingRows:
    """The table with the rows of at most one chunk that is not stored yet.

    Parameters
    ----------
    table : where everything else is read.
    """

    def __init__(self, table: BatchTable) -> None:
        self._table = table
        self._held: Mapping[int, Rows] = {}

    def hold(self, rows: Mapping[int, Rows]) -> None:
        """Show the rows of a chunk, by partition, until `release`; those of the previous chunk are stored."""
        self._held = rows

    def release(self) -> None:
        """Show the table alone: the rows are stored."""
        self._held = {}

    def read_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the rows of `keys`, in their order, None where there is none.

        Safe in another thread than `release`: a row that is not held any more is in the table, which is asked later.
        """
        held = self._held.get(partition)
        if not held:
            return self._table.read_many(partition, keys)
        to_read = [key for key in keys if key not in held]
        stored = iter(self._table.read_many(partition, to_read))
        return [held[key] if key in held else next(stored) for key in keys]

    def set_row_aside(self, partition: int, key: bytes, row: bytes, error: Exception) -> None:
        """Set a row aside that cannot be read, as the table does."""
        self._table.set_row_aside(partition, key, row, error)

    def discard(self, partition: int, keys: Iterable[bytes]) -> None:
        """Remove rows that are no part of the changelog, as the table does."""
        self._table.discard(partition, keys)

    def position(self, partition: int) -> Position | None:
        """Return the stored source position, or None before the first event of the partition."""
        return self._table.position(partition)
