"""Removals: what is remembered of a row that is gone, so that no older copy of it comes back.

In the changelog a removal is a record without a value, and its fence is in a header: the last source offset that it
covers, as with a row. Of a removal and a row with the same fence the removal is the newer one.

In a database a removal is a local row, under a hash of the key: whoever is forgotten leaves no id. It is kept for a
day, much longer than a batch of a worker that was thought dead can take to land. There are as many of them as counts
that expired and users that were forgotten in that day, at 50 bytes each.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

from tables.errors import RowCorrupt
from tables.fence import FENCE, LOCAL, fence_of

if TYPE_CHECKING:
    from tables.fenced_table import FencedTable

REMOVALS_KEPT_MS = 24 * 3600 * 1000
_HEADER = "fence"
_PREFIX = LOCAL + b"removed\0"
_HASH_BYTES = 16


def removal_headers(fence: int) -> list[tuple[str, bytes]]:
    """Return the headers of a removal's record."""
    return [(_HEADER, FENCE.pack(fence))]


def removal_fence(headers: Sequence[tuple[str, bytes]]) -> int | None:
    """Return the fence of a removal's record, None when it carries none, as those of former versions.

    Raises `RowCorrupt` when the header is there and is no fence.
    """
    for name, value in headers:
        if name == _HEADER:
            if len(value) != FENCE.size:
                raise RowCorrupt(f"the fence of a removal has {len(value)} bytes, expected {FENCE.size}")
            return fence_of(value)
    return None


def removal_key(key: bytes) -> bytes:
    """Return the key of the local row that remembers the removal of a key; 1 us."""
    return _PREFIX + blake2b(key, digest_size=_HASH_BYTES).digest()


def removal_row(fence: int, now_ms: int) -> bytes:
    """Return that row: fence, and when it was written (ms since the epoch), int64 both."""
    return FENCE.pack(fence) + FENCE.pack(now_ms)


def purge_removals(
    table: "FencedTable", partition: int, written_before_ms: int, start: bytes, limit: int
) -> bytes | None:
    """Delete the old ones among at most `limit` remembered removals, from the key `start` on.

    Returns the key to go on from, None at the end; b"" begins. Raises KeyError when the database is not open.
    """
    rows = table.rows_from(partition, _PREFIX, max(start, _PREFIX), limit)
    old = [key for key, row in rows if fence_of(row[FENCE.size :]) < written_before_ms]
    if old:
        table.discard(partition, old)
    return rows[-1][0] + b"\0" if len(rows) == limit else None
