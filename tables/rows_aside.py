"""Rows that cannot be read: what is kept of them, and what is said, so that each costs itself and nothing else.

Whatever reads such a row says so here and goes on as if it were not there: a user begins anew, a count from nothing, a
record of the changelog is passed over. Its bytes are kept as a local row until the same key is removed, for a week
at most, and at most `MAX_ROWS_ASIDE` of them in a partition. The key may be a user's id, so neither the log nor the
local row's key has it, but a hash: ``printf %s ID | b2sum -l 128`` gives the same.

The week is for who is erased and comes back within one chunk: then no tombstone tells the copies of the partition.
"""

import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple

from tables.applied_offset import LOCAL
from tables.errors import RowCorrupt

if TYPE_CHECKING:
    from tables.batch_table import BatchTable

ASIDE_PREFIX: Final = LOCAL + b"aside\0"
MAX_ROWS_ASIDE: Final = 1_000
"""Kept of a partition; what is beyond is only told and counted."""
ASIDE_KEPT_MS: Final = 7 * 24 * 3600 * 1000
_MAX_TOLD = 10_000
_HASH_BYTES = 16
_HEAD = struct.Struct("<qq")
"""When it was set aside (ms since the epoch), and the offset in the changelog, -1 where nobody knows it."""


@dataclass(frozen=True, slots=True)
class RowAside:
    """A row that was set aside.

    Parameters
    ----------
    partition : where.
    key_hash : of its key, 32 hexadecimal digits.
    offset : in the changelog, None where it was met in the database.
    found : what is wrong with it.
    kept : whether its bytes are, as a local row.
    """

    partition: int
    key_hash: str
    offset: int | None
    found: str
    kept: bool


class KeptAside(NamedTuple):
    """What a local row keeps: when, where in the changelog (None where nobody knows), and the bytes."""

    at_ms: int
    offset: int | None
    row: bytes


def key_hash(key: bytes) -> str:
    """Return what stands for a key in the log."""
    return blake2b(key, digest_size=_HASH_BYTES).hexdigest()


def aside_key(key: bytes) -> bytes:
    """Return the key of the local row that keeps what was set aside under a key; 1 us."""
    return ASIDE_PREFIX + blake2b(key, digest_size=_HASH_BYTES).digest()


def encode_aside(row: bytes, offset: int | None) -> bytes:
    """Return that local row."""
    return _HEAD.pack(int(time.time() * 1000), -1 if offset is None else offset) + row


def decode_aside(kept: bytes) -> KeptAside:
    """Read that local row; raises `RowCorrupt`."""
    if len(kept) < _HEAD.size:
        raise RowCorrupt(f"a row that was set aside in {len(kept)} bytes, there are at least {_HEAD.size}")
    at_ms, offset = _HEAD.unpack_from(kept)
    return KeptAside(at_ms, None if offset < 0 else offset, kept[_HEAD.size :])


def purge_aside(table: "BatchTable", partition: int, written_before_ms: int, start: bytes, limit: int) -> bytes | None:
    """Delete what was set aside before a time, among at most `limit` such rows from the key `start` on.

    Returns the key to go on from, None at the end; b"" begins. Raises KeyError when the database is not open.
    """
    rows = table.rows_from(partition, ASIDE_PREFIX, max(start, ASIDE_PREFIX), limit)
    old = [key for key, kept in rows if _set_aside_ms(kept) < written_before_ms]
    if old:
        table.discard(partition, old)
    return rows[-1][0] + b"\0" if len(rows) == limit else None


def _set_aside_ms(kept: bytes) -> int:
    """Return when a row was set aside; long ago for bytes that are no such local row."""
    try:
        return decode_aside(kept).at_ms
    except RowCorrupt:
        return 0


class RowsAside:
    """What one process has set aside: each row once, on whatever thread it is met.

    Parameters
    ----------
    count : returns how many rows are kept of a partition already, at most `MAX_ROWS_ASIDE`.
    keep : writes a local row; raises KeyError when the database is not open.
    tell : hears of each.
    """

    def __init__(
        self,
        count: Callable[[int], int],
        keep: Callable[[int, bytes, bytes], None],
        tell: Callable[[RowAside], None],
    ) -> None:
        self._count = count
        self._keep = keep
        self._tell = tell
        self._told: dict[tuple[int, bytes], int] = {}
        self._kept: dict[int, int] = {}
        self._lock = threading.Lock()

    def take(self, partition: int, key: bytes, row: bytes, error: Exception, offset: int | None) -> None:
        """Keep a row that cannot be read and tell of it, unless the same one was met before."""
        with self._lock:
            local, content = aside_key(key), hash(row)
            if self._told.get((partition, local)) == content:
                return
            if len(self._told) >= _MAX_TOLD:
                del self._told[next(iter(self._told))]
            self._told[partition, local] = content
            kept = self._has_kept(partition, local, row, offset)
        self._tell(RowAside(partition, key_hash(key), offset, str(error), kept))

    def recount(self, partition: int) -> None:
        """Take note that fewer may be kept of a partition than were."""
        with self._lock:
            self._kept.pop(partition, None)

    def _has_kept(self, partition: int, local: bytes, row: bytes, offset: int | None) -> bool:
        try:
            if partition not in self._kept:
                self._kept[partition] = self._count(partition)
            if self._kept[partition] >= MAX_ROWS_ASIDE:
                return False
            self._keep(partition, local, encode_aside(row, offset))
        except KeyError:  # the partition was given away meanwhile
            return False
        self._kept[partition] += 1
        return True
