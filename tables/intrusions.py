"""Intrusions: places of a changelog that somebody else wrote, or where a record lies behind a newer one of its key.

A batch of a worker that was thought dead may land behind its successor's rows. No state is lost by that as long as all
records are there, for the higher applied offset wins. But compaction keeps the last record of a key, whatever its
applied offset: hours later the older row would be the only one. The places are therefore remembered, in a local row
that is written with what met them, until the mender of the partition's owner has compared them with what it holds, and
appended again what an older record lies behind.

Offsets are remembered, never keys, and at most so many ranges of them: beyond, the two that are closest become one,
which costs the owner some reading and loses nothing.
"""

import struct
from collections.abc import Iterable

from tables.applied_offset import LOCAL
from tables.errors import RowCorrupt

INTRUSIONS_KEY = LOCAL + b"intrusions"
_MAX_RANGES = 64
_RANGE = struct.Struct("<qq")


def decode_intrusions(row: bytes | None) -> list[range]:
    """Return the remembered ranges of changelog offsets, ascending; none for no row. Raises `RowCorrupt`."""
    if row is None:
        return []
    if len(row) % _RANGE.size:
        raise RowCorrupt(f"places of late records in {len(row)} bytes, each has {_RANGE.size}")
    ranges = [range(first, end) for first, end in _RANGE.iter_unpack(row)]
    if any(one.start < 0 or not one for one in ranges):
        raise RowCorrupt("a place of late records that has no offset")
    return ranges


def encode_intrusions(ranges: Iterable[range]) -> bytes | None:
    """Return the row to remember ranges, in any order, None for no range."""
    joined: list[range] = []
    for one in sorted((one for one in ranges if one), key=lambda one: one.start):
        if joined and one.start <= joined[-1].stop:
            joined[-1] = range(joined[-1].start, max(joined[-1].stop, one.stop))
        else:
            joined.append(one)
    while len(joined) > _MAX_RANGES:
        at = min(range(len(joined) - 1), key=lambda at: joined[at + 1].start - joined[at].stop)
        joined[at : at + 2] = [range(joined[at].start, joined[at + 1].stop)]
    return b"".join(_RANGE.pack(one.start, one.stop) for one in joined) or None


def without(ranges: Iterable[range], settled: range) -> list[range]:
    """Return what is left of ranges when the offsets of `settled` are taken out."""
    if not settled:
        return list(ranges)
    left = []
    for one in ranges:
        before, after = range(one.start, min(one.stop, settled.start)), range(max(one.start, settled.stop), one.stop)
        left += [part for part in (before, after) if part]
    return left
