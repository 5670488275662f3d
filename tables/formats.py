"""The formats of rows and positions, and what all of them have in common for ever.

::

    0    applied offset, int64
    8    format, uint8, 1 to 31
    9    the release that wrote it, three times uint8; from format 2 on

Whatever a later release writes, these bytes stay where they are, so that this one can say of a row that it cannot read
who wrote it. A row that does not begin so is of nobody.
"""

import struct
from typing import Final

from tables.applied_offset import MAX_APPLIED_OFFSET
from tables.errors import NewerFormat, RowCorrupt
from tables.release import RELEASE, RELEASE_BYTES, Release

FORMAT_AT: Final = 8
WRITTEN_BY: Final = bytes(RELEASE)
"""What stands behind the format of whatever this code writes."""

_HEAD = struct.Struct(f"<qB{RELEASE_BYTES}s")
_MAX_FORMAT = 31
"""Text, and bytes with all bits set, have a larger number in the place of the format."""


def unknown_format(what: str, data: bytes, newest: int) -> RowCorrupt:
    """Return the error for bytes of which no known format is, `newest` among them: a `NewerFormat` if it is later."""
    if len(data) < _HEAD.size:
        return RowCorrupt(f"{what} of {len(data)} bytes, the beginning of every one has {_HEAD.size}")
    applied_offset, layout, release = _HEAD.unpack_from(data)
    if newest < layout <= _MAX_FORMAT and -1 <= applied_offset <= MAX_APPLIED_OFFSET:
        return NewerFormat(
            f"{what} of format {layout}, written by release {Release(*release)}; this is release {RELEASE}, which "
            f"reads formats up to {newest}"
        )
    return RowCorrupt(f"{what} of format {layout}, which there is not; this code reads formats 1 to {newest}")
