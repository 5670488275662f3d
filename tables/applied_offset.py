"""The applied offset: the first eight bytes of every row, of any kind.

An applied offset is the last source offset that the row covers. It grows with each write of the row, so of two copies
of a row the one with the higher applied offset is the newer one, whatever order they arrive in.
"""

import struct

from tables.errors import RowCorrupt

APPLIED_OFFSET = struct.Struct("<q")
_BYTES, _unpack = APPLIED_OFFSET.size, APPLIED_OFFSET.unpack_from
MAX_APPLIED_OFFSET = (1 << 48) - 1
"""No source topic comes to so many records; a larger number is no applied offset."""
RESERVED = b"\0"
"""Keys that start with this byte are not users: ids hold no control characters."""
LOWEST_RANK = -(1 << 63)
"""Of what is no row, or no tombstone."""
LOCAL = RESERVED + b"local\0"
"""Keys that start so are in a database only, and never in the changelog."""
HIGHEST_APPLIED_OFFSET_KEY = LOCAL + b"highest-fence"
"""Where a database keeps the highest applied offset that was replayed into it."""
CURRENT_AT_KEY = LOCAL + b"current-at"
"""Where a database keeps when it last had all of the changelog: ms since the epoch, int64."""
CHANGELOG_OFFSET_KEY = b"__faust\0offset__"
"""Where Faust's RocksDB store keeps the last changelog offset that a database holds; in a database only, too."""


def applied_offset_of(row: bytes) -> int:
    """Return the applied offset of a stored row of any kind; raises `struct.error` on fewer than eight bytes."""
    return int(APPLIED_OFFSET.unpack_from(row)[0])


def believed_offset(row: bytes) -> int:
    """Return the applied offset of a row that anybody may have written; raises `RowCorrupt` when it can be none."""
    if len(row) < _BYTES:
        raise RowCorrupt(f"{len(row)} bytes, too few for any row")
    applied_offset: int = _unpack(row)[0]
    if applied_offset > MAX_APPLIED_OFFSET:
        raise RowCorrupt(f"{applied_offset} in the place of an applied offset")
    return applied_offset


def row_rank(applied_offset: int) -> int:
    """Return what orders a row of an applied offset among the records of its key: the higher one stays."""
    return 2 * applied_offset


def tombstone_rank(applied_offset: int) -> int:
    """Return the same for a tombstone, which covers rows of its own applied offset, too."""
    return 2 * applied_offset + 1


def is_replicated(key: bytes) -> bool:
    """Return whether a row of a key is in the changelog, or in a database only."""
    return key != CHANGELOG_OFFSET_KEY and not key.startswith(LOCAL)


def stored_rank(row: bytes) -> int:
    """Return the rank of a stored row, whatever bytes it has; below every other one where they are no row's."""
    try:
        return row_rank(believed_offset(row))
    except RowCorrupt:
        return LOWEST_RANK


def outranking_offset(rank: int) -> int:
    """Return the least applied offset with which a row does not rank below `rank`."""
    return (rank + 1) // 2
