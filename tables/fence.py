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


def fence_of(row: bytes) -> int:
    """Return the fence of a stored row of any kind; raises `struct.error` on fewer than eight bytes."""
    return int(FENCE.unpack_from(row)[0])
