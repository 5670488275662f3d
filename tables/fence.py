"""The fence: the first eight bytes of every row, of any kind.

A fence is the last source offset that the row covers. It grows with each write of the row, so of two copies of
a row the one with the higher fence is the newer one, whatever order they arrive in.
"""

import struct

FENCE = struct.Struct("<q")
RESERVED = b"\0"
"""Keys that start with this byte are not users: ids hold no control characters."""
LOCAL = RESERVED + b"local\0"
"""Keys that start so are in a database only, and never in the changelog."""
HIGHEST_FENCE_KEY = LOCAL + b"highest-fence"
"""Where a database keeps the highest fence that was replayed into it."""
CURRENT_AT_KEY = LOCAL + b"current-at"
"""Where a database keeps when it last had all of the changelog: ms since the epoch, int64."""
CHANGELOG_OFFSET_KEY = b"__faust\0offset__"
"""Where Faust's RocksDB store keeps the last changelog offset that a database holds; in a database only, too."""


def fence_of(row: bytes) -> int:
    """Return the fence of a stored row of any kind; raises `struct.error` on fewer than eight bytes."""
    return int(FENCE.unpack_from(row)[0])


def row_rank(fence: int) -> int:
    """Return what orders a row of a fence among the records of its key: the higher one stays."""
    return 2 * fence


def removal_rank(fence: int) -> int:
    """Return the same for a removal, which covers rows of its own fence, too."""
    return 2 * fence + 1


def outranking_fence(rank: int) -> int:
    """Return the least fence with which a row does not rank below `rank`."""
    return (rank + 1) // 2
