"""Tombstones: what is remembered of a row that is gone, so that no older copy of it comes back.

A tombstone is a record without a value in the changelog, and its applied offset is in a header: the last source offset
that it covers, as with a row. A tombstone is newer than a row with the same applied offset.

A database remembers it as a local row, under a hash of the key: whoever is erased leaves no id. The row is kept for a
day, much longer than a batch of a worker that was thought dead can take to land. There are as many of them as counts
that expired and users that were erased in that day, at 50 bytes each.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from tables.applied_offset import APPLIED_OFFSET, LOCAL, applied_offset_of, believed_offset
from tables.errors import RowCorrupt

if TYPE_CHECKING:
    from tables.batch_table import BatchTable

TOMBSTONES_KEPT_MS = 24 * 3600 * 1000
_HEADER = "fence"
_PREFIX = LOCAL + b"removed\0"
_HASH_BYTES = 16


def tombstone_headers(applied_offset: int) -> list[tuple[str, bytes]]:
    """Return the headers of a tombstone's record."""
    return [(_HEADER, APPLIED_OFFSET.pack(applied_offset))]


def tombstone_offset(headers: Sequence[tuple[str, bytes]]) -> int | None:
    """Return the applied offset of a tombstone's record, None when it carries none, as those of earlier code.

    Raises `RowCorrupt` when the header is there and is no applied offset.
    """
    for name, value in headers:
        if name == _HEADER:
            if len(value) != APPLIED_OFFSET.size:
                raise RowCorrupt(
                    f"the applied offset of a tombstone has {len(value)} bytes, expected {APPLIED_OFFSET.size}"
                )
            return believed_offset(value)
    return None


def tombstone_key(key: bytes) -> bytes:
    """Return the key of the local row that remembers the tombstone of a key; 1 us."""
    return _PREFIX + blake2b(key, digest_size=_HASH_BYTES).digest()


def tombstone_row(applied_offset: int, now_ms: int) -> bytes:
    """Return that row: applied offset, and when it was written (ms since the epoch), int64 both."""
    return APPLIED_OFFSET.pack(applied_offset) + APPLIED_OFFSET.pack(now_ms)


def is_erased(tombstone: bytes | None) -> bool:
    """Return whether a key is gone for good, by the local row that remembers its tombstone; None without one.

    A tombstone below every row is no removal: the owner put it behind a record that nobody can read, and of whose key
    it has nothing.
    """
    return tombstone is None or applied_offset_of(tombstone) >= 0


def purge_tombstones(
    table: "BatchTable", partition: int, written_before_ms: int, start: bytes, limit: int
) -> bytes | None:
    """Delete the old ones among at most `limit` remembered tombstones, from the key `start` on.

    Returns the key to go on from, None at the end; b"" begins. Raises KeyError when the database is not open.
    """
    rows = table.rows_from(partition, _PREFIX, max(start, _PREFIX), limit)
    old = [key for key, row in rows if _written_ms(row) < written_before_ms]
    if old:
        table.discard(partition, old)
    return rows[-1][0] + b"\0" if len(rows) == limit else None


def _written_ms(row: bytes) -> int:
    """Return when a tombstone was remembered; long ago for bytes that are no such row."""
    return applied_offset_of(row[APPLIED_OFFSET.size :]) if len(row) == 2 * APPLIED_OFFSET.size else 0
