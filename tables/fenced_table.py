"""A Faust table whose rows carry a fence: written in whole batches, replayed without ever going back.

Faust opens, closes and recovers the databases and decides who holds which partition. It writes none of the rows
itself: `commit` does, with the source position and Faust's own changelog offset in the same write batch, so that
a database always holds a state and the exact place to go on from.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from typing import Any, cast

import faust
from faust.types import EventT
from rocksdict import Rdict, WriteBatch

from tables.fence import fence_of
from tables.position import POSITION_KEY, Position

_CHANGELOG_OFFSET_KEY = b"__faust\0offset__"
"""Where Faust's RocksDB store keeps the last changelog offset that a database holds."""


class FencedTable(faust.Table):  # type: ignore[type-arg]
    """A table of raw bytes under raw keys; see the module.

    Attributes
    ----------
    running : set of int
        Partitions that this process reads and writes now. Faust's recovery may still hand over changelog records
        of such a partition (fetched before it was paused); they are older than what is written here, so
        `apply_changelog_batch` passes them over.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.running: set[int] = set()
        self.replay_ignored = 0
        self.replay_older = 0

    def database(self, partition: int) -> Rdict | None:
        """Return the open database of a partition, or None while Faust has not opened it."""
        return self._databases().get(partition)

    def read(self, partition: int, key: bytes) -> bytes | None:
        """Return a row of a partition that this process holds; raises KeyError when it does not."""
        return self._databases()[partition].get(key)

    def position(self, partition: int) -> Position | None:
        """Return the stored source position, or None before the first event of the partition."""
        row = self.read(partition, POSITION_KEY)
        return None if row is None else Position.decode(row)

    def changelog_offset(self, partition: int) -> int:
        """Return the last changelog offset that the database holds, -1 for none."""
        stored = self.read(partition, _CHANGELOG_OFFSET_KEY)
        return -1 if stored is None else int(stored)

    def recovered_to(self, partition: int) -> int | None:
        """Return `changelog_offset`, or None while the database is not open."""
        return None if self.database(partition) is None else self.changelog_offset(partition)

    def scan(self, partition: int, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows whose keys start with `prefix`, in key order."""
        rows = cast("Iterator[tuple[bytes, bytes]]", self._databases()[partition].items(from_key=prefix))
        yield from takewhile(lambda row: row[0].startswith(prefix), rows)

    def commit(self, partition: int, rows: Mapping[bytes, bytes | None], changelog_offset: int) -> None:
        """Write rows (None removes) and the changelog offset of the last of them in one atomic batch."""
        self._write(partition, rows, changelog_offset)

    def apply_changelog_batch(self, batch: Iterable[EventT]) -> None:  # type: ignore[type-arg]
        """Replay changelog records, as recovery and standbys hand them over.

        Of two records of one key the one with the higher fence stays, whichever comes last: a batch of a worker
        that was thought dead may land behind its successor's. A removal (null) carries no fence and always applies.
        """
        newest: dict[int, dict[bytes, bytes | None]] = defaultdict(dict)
        offsets: dict[int, int] = {}
        for event in batch:
            message = event.message
            if message.partition in self.running:
                self.replay_ignored += 1
                continue
            offsets[message.partition] = max(offsets.get(message.partition, -1), message.offset)
            key, value = cast("tuple[bytes, bytes | None]", (message.key, message.value))
            self._keep_newer(newest[message.partition], message.partition, key, value)
        for partition, offset in offsets.items():
            held = self.changelog_offset(partition)
            self._write(partition, newest[partition], max(offset, held))

    def _keep_newer(self, rows: dict[bytes, bytes | None], partition: int, key: bytes, value: bytes | None) -> None:
        held = rows[key] if key in rows else self._database_for(partition).get(key)
        if value is not None and held is not None and fence_of(value) < fence_of(held):
            self.replay_older += 1
            return
        rows[key] = value

    def _write(self, partition: int, rows: Mapping[bytes, bytes | None], changelog_offset: int) -> None:
        batch = WriteBatch(raw_mode=True)
        for key, value in rows.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        batch.put(_CHANGELOG_OFFSET_KEY, b"%d" % changelog_offset)
        self._database_for(partition).write(batch)

    def _databases(self) -> dict[int, Rdict]:
        return cast("dict[int, Rdict]", self.data._dbs)  # type: ignore[attr-defined]  # noqa: SLF001

    def _database_for(self, partition: int) -> Rdict:
        return cast("Rdict", self.data._db_for_partition(partition))  # type: ignore[attr-defined]  # noqa: SLF001
