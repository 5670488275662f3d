"""The source position of a partition: a reserved row that is written with the rows it covers.

Layout, little endian: int64 next source offset (it is the row's applied offset too), uint8 format, uint64 fingerprint
of the last applied record. The fingerprint tells a source topic that was deleted and made again, whose offsets mean
other events, from the one that was read before.
"""

import struct
from dataclasses import dataclass
from hashlib import blake2b

from tables.applied_offset import RESERVED
from tables.errors import RowCorrupt

POSITION_KEY = RESERVED + b"source-position"
_FORMAT = 1
_LAYOUT = struct.Struct("<qBQ")


@dataclass(frozen=True, slots=True)
class Position:
    """Where reading goes on: `next_offset` >= 0, and the fingerprint of the record before it."""

    next_offset: int
    fingerprint: int

    def encode(self) -> bytes:
        """Return the 17 bytes of the row."""
        return _LAYOUT.pack(self.next_offset, _FORMAT, self.fingerprint)

    @classmethod
    def decode(cls, row: bytes) -> "Position":
        """Read a row; raises `RowCorrupt` when its length, its format or its offset is not ours."""
        if len(row) != _LAYOUT.size:
            raise RowCorrupt(f"source position of {len(row)} bytes, expected {_LAYOUT.size}")
        next_offset, layout, digest = _LAYOUT.unpack(row)
        if layout != _FORMAT:
            raise RowCorrupt(f"source position of format {layout}, this code reads format {_FORMAT}")
        if next_offset < 0:
            raise RowCorrupt(f"source position at offset {next_offset}, there is none below 0")
        return cls(next_offset, digest)


def fingerprint(timestamp_ms: int, key: bytes | None, value: bytes | None) -> int:
    """Return 64 bits that tell one source record from another: BLAKE2b of timestamp, key and value."""
    digest = blake2b(digest_size=8)
    for part in (timestamp_ms.to_bytes(8, "little", signed=True), key or b"", value or b""):
        digest.update(len(part).to_bytes(4, "little"))
        digest.update(part)
    return int.from_bytes(digest.digest(), "little")
