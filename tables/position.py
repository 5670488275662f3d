"""The source position of a partition: a reserved row that is written with the rows it covers.

Layout, little endian: int64 next source offset (it is the row's applied offset too), uint8 format, the release as in
every row (`tables.formats`), uint64 fingerprint of the last applied record. Format 1 had no release. The fingerprint
tells a source topic that was deleted and made again, whose offsets mean other events, from the one read before.
"""

import struct
from dataclasses import dataclass
from hashlib import blake2b

from tables.applied_offset import RESERVED
from tables.errors import RowCorrupt
from tables.formats import FORMAT_AT, WRITTEN_BY, unknown_format

POSITION_KEY = RESERVED + b"source-position"
_FORMAT = 2
_LAYOUT = struct.Struct("<qB3sQ")
_LAYOUT_1 = struct.Struct("<qBQ")


@dataclass(frozen=True, slots=True)
class Position:
    """Where reading goes on: `next_offset` >= 0, and the fingerprint of the record before it."""

    next_offset: int
    fingerprint: int

    def encode(self) -> bytes:
        """Return the 20 bytes of the row."""
        return _LAYOUT.pack(self.next_offset, _FORMAT, WRITTEN_BY, self.fingerprint)

    @classmethod
    def decode(cls, row: bytes) -> "Position":
        """Read a row of any format so far.

        Raises
        ------
        NewerFormat
            When a later release wrote it.
        RowCorrupt
            When its length, its format or its offset is nobody's.
        """
        layout = row[FORMAT_AT] if len(row) > FORMAT_AT else 0
        if layout not in {1, _FORMAT}:
            raise unknown_format("source position", row, _FORMAT)
        expected = _LAYOUT if layout == _FORMAT else _LAYOUT_1
        if len(row) != expected.size:
            raise RowCorrupt(f"source position of {len(row)} bytes, format {layout} has {expected.size}")
        next_offset, *_, digest = expected.unpack(row)
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
