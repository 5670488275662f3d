"""A Faust table of rows that carry a fence, written in whole batches.

Faust opens and closes the databases and decides who holds which partition. It neither writes nor recovers any of
the rows: `commit` writes, with the source position and Faust's own changelog offset in the same write batch, so
that a database always holds a state and the exact place to go on from; `tables.replay` recovers.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Any, cast

import faust
from faust.types import EventT, StoreT
from rocksdict import Rdict, WriteBatch, WriteOptions

from tables.position import POSITION_KEY, Position
from tables.rocksdb import QuickOptions

_CHANGELOG_OFFSET_KEY = b"__faust\0offset__"
"""Where Faust's RocksDB store keeps the last changelog offset that a database holds."""


def _without_journal() -> WriteOptions:
    """Return options for a write that is lost with the process while it is in memory only.

    The changelog is the journal, and RocksDB's own would cost more than the table itself. What a crash leaves is what
    was flushed: whole batches, in their order, so an older state with its own older position and changelog offset.
    """
    options = WriteOptions()
    options.disable_wal = True  # type: ignore[method-assign, assignment]  # its stub takes the property for a method
    return options


_WITHOUT_JOURNAL = _without_journal()


class FencedTable(faust.Table):  # type: ignore[type-arg]
    """A table of raw bytes under raw keys; see the module.

    Attributes
    ----------
    running : set of int
        Partitions that this process reads and writes now; their changelog must not be replayed.
    copies : set of int
        Partitions that do not run here, but whose rows were complete a moment ago.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.running: set[int] = set()
        self.copies: set[int] = set()

    def open(self, partition: int) -> None:
        """Open the database of a partition that Faust does not open: a standby's."""
        self._database_for(partition)

    def database(self, partition: int) -> Rdict | None:
        """Return the open database of a partition, or None while Faust has not opened it."""
        return self._databases().get(partition)

    def read(self, partition: int, key: bytes) -> bytes | None:
        """Return a row of a partition that this process holds; raises KeyError when it does not."""
        return self._databases()[partition].get(key)

    def read_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the rows of several keys, None where there is none; raises KeyError as `read` does."""
        return cast("list[bytes | None]", self._databases()[partition].get(list(keys)))

    def position(self, partition: int) -> Position | None:
        """Return the stored source position, or None before the first event of the partition."""
        row = self.read(partition, POSITION_KEY)
        return None if row is None else Position.decode(row)

    def changelog_offset(self, partition: int) -> int:
        """Return the last changelog offset that the database holds, -1 for none."""
        stored = self.read(partition, _CHANGELOG_OFFSET_KEY)
        return -1 if stored is None else int(stored)

    def scan(self, partition: int, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows whose keys start with `prefix`, in key order."""
        rows = cast("Iterator[tuple[bytes, bytes]]", self._databases()[partition].items(from_key=prefix))
        yield from takewhile(lambda row: row[0].startswith(prefix), rows)

    def commit(self, partition: int, rows: Mapping[bytes, bytes | None], changelog_offset: int) -> None:
        """Write rows (None removes) and the changelog offset of the last of them in one atomic batch."""
        batch = WriteBatch(raw_mode=True)
        for key, value in rows.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(_CHANGELOG_OFFSET_KEY, b"%d" % changelog_offset)
        self._database_for(partition).write(batch, _WITHOUT_JOURNAL)

    def apply_changelog_batch(self, batch: Iterable[EventT]) -> None:  # type: ignore[type-arg]
        """Refuse what Faust's own recovery would hand over; `tables.replay` reads the changelog here."""
        if any(True for _ in batch):
            raise RuntimeError(f"Faust recovers the table {self.name}, which must be left to this project's recovery")

    def flush_databases(self) -> None:
        """Begin to put what the open databases hold in memory into their files; RocksDB's threads do it."""
        for database in self._databases().values():
            database.flush(wait=False)

    def _new_store(self) -> StoreT[Any, Any]:
        store = super()._new_store()
        store.rocksdb_options = QuickOptions.like(store.rocksdb_options)  # type: ignore[attr-defined]
        return store

    def _databases(self) -> dict[int, Rdict]:
        return cast("dict[int, Rdict]", self.data._dbs)  # type: ignore[attr-defined]  # noqa: SLF001

    def _database_for(self, partition: int) -> Rdict:
        return cast("Rdict", self.data._db_for_partition(partition))  # type: ignore[attr-defined]  # noqa: SLF001
