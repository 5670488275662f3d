"""A Faust table of rows that carry an applied offset, written in whole batches.

Faust opens and closes the databases and decides who holds which partition. It neither writes nor recovers any of
the rows: `commit` writes, with the source position and Faust's own changelog offset in the same write batch, so
that a database always holds a state and the exact place to go on from; `tables.replay` recovers.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn, cast

import faust
from faust.types import EventT, StoreT
from rocksdict import DbClosedError, Rdict, ReadOptions, WriteBatch

from tables.applied_offset import CHANGELOG_OFFSET_KEY, CURRENT_AT_KEY
from tables.errors import NewerFormat, PartitionCorrupt, PartitionError, PartitionLocked, RowCorrupt
from tables.partition_folders import CURRENT_AT, condemn, open_whole, partition_error
from tables.position import POSITION_KEY, Position
from tables.rocksdb import BESIDE_THE_CACHE, WITHOUT_JOURNAL, QuickOptions
from tables.rows_aside import ASIDE_PREFIX, MAX_ROWS_ASIDE, RowsAside, aside_key
from tables.table_watch import TableWatch, Unwatched
from tables.tombstones import is_erased, tombstone_key


class BatchTable(faust.Table):  # type: ignore[type-arg]
    """A table of raw bytes under raw keys; see the module.

    Attributes
    ----------
    running : set of int
        Partitions that this process reads and writes now; their changelog must not be replayed.
    complete_standbys : set of int
        Partitions that do not run here, but whose rows were complete a moment ago.

    Parameters
    ----------
    watch
        Hears what is wrong with the folders and rows.
    at_disk
        Makes a context; within it a database is written.
    *args, **kwargs
        As Faust's table takes them.
    """

    def __init__(
        self,
        *args: Any,
        watch: TableWatch | None = None,
        at_disk: Callable[[], AbstractContextManager[None]] = nullcontext,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.running: set[int] = set()
        self.complete_standbys: set[int] = set()
        self._watch = watch or Unwatched()
        self._at_disk = at_disk
        self._aside = RowsAside(self._count_aside, self._keep_aside, lambda found: self._watch.row_set_aside(found))

    def open(self, partition: int) -> None:
        """Open the database of a partition that Faust does not open: a standby's."""
        self._database_for(partition)

    def database(self, partition: int) -> Rdict | None:
        """Return the open database of a partition, or None while Faust has not opened it."""
        return self._databases().get(partition)

    def open_partitions(self) -> list[int]:
        """Return the partitions whose databases are open, ascending."""
        return sorted(self._databases())

    def read(self, partition: int, key: bytes) -> bytes | None:
        """Return a row of a partition that this process holds; raises KeyError when it does not."""
        database = self._databases()[partition]
        try:
            return database.get(key)
        except Exception as error:  # noqa: BLE001 - RocksDB's errors have no type
            self._broken(partition, error)

    def read_many(self, partition: int, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the rows of several keys, None where there is none; raises KeyError as `read` does."""
        database = self._databases()[partition]
        try:
            return cast("list[bytes | None]", database.get(list(keys)))
        except Exception as error:  # noqa: BLE001 - RocksDB's errors have no type
            self._broken(partition, error)

    def position(self, partition: int) -> Position | None:
        """Return the stored source position, or None before the first event of the partition.

        One that cannot be read condemns the folder: nothing but rot puts it there.
        """
        row = self.read(partition, POSITION_KEY)
        try:
            return None if row is None else Position.decode(row)
        except NewerFormat as error:
            self._refuse(partition, error)
        except RowCorrupt as error:
            self._broken(partition, error)

    def changelog_offset(self, partition: int) -> int:
        """Return the last changelog offset that the database holds, -1 for none."""
        stored = self.read(partition, CHANGELOG_OFFSET_KEY)
        return -1 if stored is None else int(stored)

    def scan(self, partition: int, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows whose keys start with `prefix`, in key order; raises KeyError as `read` does."""
        yield from self._rows(partition, prefix, prefix, None)

    def rows_from(self, partition: int, prefix: bytes, start: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """Return at most `limit` rows of `scan`, from the key `start` on; raises KeyError as `read` does."""
        return list(islice(self._rows(partition, prefix, start, None), limit))

    def keys_from(self, partition: int, start: bytes, limit: int) -> list[bytes]:
        """Return at most `limit` keys of rows of any kind, beside the cache; raises KeyError as `read` does."""
        return [key for key, _ in islice(self._rows(partition, b"", start, BESIDE_THE_CACHE), limit)]

    def check_rows(self, partition: int, start: bytes, limit: int) -> bytes | None:
        """Read at most `limit` >= 2 rows from the key `start` on, so that a rotten one is found.

        Returns the key to go on from, None at the end; raises KeyError as `read` does. 4 us a row of 3 kB.
        """
        for count, (key, _) in enumerate(self._rows(partition, b"", start, BESIDE_THE_CACHE), start=1):
            if count == limit:
                return key
        return None

    def commit(self, partition: int, rows: Mapping[bytes, bytes | None], changelog_offset: int) -> None:
        """Write rows (None removes) and the changelog offset of the last of them in one atomic batch.

        With a row that is removed goes what was set aside under its key.
        """
        batch = WriteBatch(raw_mode=True)
        for key, value in rows.items():
            if value is None:
                batch.delete(key)
                if is_erased(rows.get(tombstone_key(key))):
                    batch.delete(aside_key(key))
            else:
                batch.put(key, value)
        batch.put(CHANGELOG_OFFSET_KEY, b"%d" % changelog_offset)
        database = self._database_for(partition)
        try:
            with self._at_disk():
                database.write(batch, WITHOUT_JOURNAL)
        except Exception as error:  # noqa: BLE001 - RocksDB's errors have no type
            self._broken(partition, error)

    def discard(self, partition: int, keys: Iterable[bytes]) -> None:
        """Remove rows that are no part of the changelog; raises KeyError as `read` does."""
        batch = WriteBatch(raw_mode=True)
        for key in keys:
            batch.delete(key)
        database = self._databases()[partition]
        try:
            with self._at_disk():
                database.write(batch, WITHOUT_JOURNAL)
        except Exception as error:  # noqa: BLE001 - RocksDB's errors have no type
            self._broken(partition, error)
        self._aside.recount(partition)

    def set_row_aside(
        self, partition: int, key: bytes, row: bytes, error: Exception, offset: int | None = None
    ) -> None:
        """Keep a row that `error` says cannot be read, and tell of it; the caller goes on as if it were not there.

        `offset` is the record's, where it was read in the changelog. Raises `NewerFormat` when a later release wrote
        it: nothing is wrong with it, and nothing may be put in its place.
        """
        if isinstance(error, NewerFormat):
            self._refuse(partition, error)
        self._aside.take(partition, key, row, error, offset)

    def note_current(self, partitions: Iterable[int]) -> None:
        """Write into the open ones of these databases that they have all of the changelog now."""
        now = CURRENT_AT.pack(int(time.time() * 1000))
        for partition in partitions:
            database = self.database(partition)
            if database is not None:
                try:
                    database.put(CURRENT_AT_KEY, now, write_opt=WITHOUT_JOURNAL)
                except Exception as error:  # noqa: BLE001 - RocksDB's errors have no type
                    self._broken(partition, error)

    def apply_changelog_batch(self, batch: Iterable[EventT]) -> None:  # type: ignore[type-arg]
        """Refuse what Faust's own recovery would hand over; `tables.replay` reads the changelog here."""
        if any(True for _ in batch):
            raise RuntimeError(f"Faust recovers the table {self.name}, which must be left to this project's recovery")

    def flush_databases(self, *, wait: bool = False) -> None:
        """Begin to put what the open databases hold in memory into their files; RocksDB's threads do it."""
        for partition, database in list(self._databases().items()):
            try:
                database.flush(wait=wait)
            except Exception as error:  # noqa: BLE001 - RocksDB's errors have no type
                self._broken(partition, error)

    def _new_store(self) -> StoreT[Any, Any]:
        store = super()._new_store()
        store.rocksdb_options = QuickOptions.like(store.rocksdb_options, self._open_whole)  # type: ignore[attr-defined]
        return store

    def _open_whole(self, folder: Path, open_database: Callable[[Path], Rdict]) -> Rdict:
        try:
            return open_whole(folder, open_database, self._watch.set_aside)
        except PartitionLocked:
            raise  # Faust tries again for a while: its previous database may still be closing
        except NewerFormat as error:
            self._watch.too_new(error)
            raise
        except PartitionError as error:
            self._watch.broken(error)
            raise

    def _rows(
        self, partition: int, prefix: bytes, start: bytes, options: ReadOptions | None
    ) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows from the key `start` on while they begin with `prefix`.

        An iterator of RocksDB that meets a rotten block ends as it does behind the last row; only its status tells.
        """
        cursor = self._databases()[partition].iter(options)
        try:
            cursor.seek(start)
            while cursor.valid():
                key = cursor.key()
                if not key.startswith(prefix):
                    return
                yield key, cursor.value()
                cursor.next()
            cursor.status()
        except Exception as error:  # noqa: BLE001 - RocksDB's errors have no type
            self._broken(partition, error)
        finally:
            del cursor  # an error would keep it, and it would keep the database open

    def _count_aside(self, partition: int) -> int:
        return len(self.rows_from(partition, ASIDE_PREFIX, ASIDE_PREFIX, MAX_ROWS_ASIDE))

    def _keep_aside(self, partition: int, key: bytes, row: bytes) -> None:
        database = self._databases()[partition]
        try:
            database.put(key, row, write_opt=WITHOUT_JOURNAL)
        except Exception as error:  # noqa: BLE001 - RocksDB's errors have no type
            self._broken(partition, error)

    def _refuse(self, partition: int, error: NewerFormat) -> NoReturn:
        """Say which partition holds a row of a later release, and raise."""
        told = NewerFormat(f"partition {partition}: {error}")
        self._watch.too_new(told)
        raise told from error

    def _broken(self, partition: int, error: Exception) -> NoReturn:
        """Say what an error of an open database means, condemn the folder if it is rotten, and raise."""
        if isinstance(error, DbClosedError):
            raise error
        folder = Path(self.data.partition_path(partition))  # type: ignore[attr-defined]
        meant = partition_error(folder, error)
        if isinstance(meant, PartitionCorrupt):
            condemn(folder, str(meant))
        self._watch.broken(meant)
        raise meant from error

    def _databases(self) -> dict[int, Rdict]:
        return cast("dict[int, Rdict]", self.data._dbs)  # type: ignore[attr-defined]  # noqa: SLF001

    def _database_for(self, partition: int) -> Rdict:
        return cast("Rdict", self.data._db_for_partition(partition))  # type: ignore[attr-defined]  # noqa: SLF001
