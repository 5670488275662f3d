"""From video ids to rows: a hash table over the ids' bytes, read by compiled code as well as by Python.

A history names its videos by their ids. Looking a hundred of them up in a dict costs a hundred strings and 13 us;
here the ids stay bytes and the hundred cost 2 to 3 us, without the interpreter's lock.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.numerics.compiled import compiled

SEPARATOR: Final = b"\0"
"""What stands between ids that are joined; no id holds it."""

_OFFSET_BASIS: Final = np.uint64(14695981039346656037)  # of FNV-1a, http://www.isthe.com/chongo/tech/comp/fnv/
_PRIME: Final = np.uint64(1099511628211)
_FREE: Final = -1


class VideoIndex(Mapping[str, int]):
    """The row of each video id; immutable.

    Parameters
    ----------
    video_ids
        The n ids in row order, unique, none empty, without NUL.

    Notes
    -----
    Open addressing with linear probing, at most half full: 8 to 16 bytes an id, besides the ids' own bytes.
    """

    def __init__(self, video_ids: Sequence[str]) -> None:
        encoded = [video_id.encode() for video_id in video_ids]
        self._ids = tuple(video_ids)
        self._bytes = np.frombuffer(b"".join(encoded), np.uint8)
        self._bounds = np.concatenate(([0], np.cumsum([len(one) for one in encoded], dtype=np.int64)))
        self._table = _filled(self._bytes, self._bounds, 1 << max(1, 2 * len(encoded) - 1).bit_length())

    def rows_of(self, joined: bytes, count: int) -> NDArray[np.int32]:
        """Return the rows of `count` ids that are joined by `SEPARATOR`, -1 where an id is not known; int32 (count,).

        Cost: 20 to 30 ns an id.
        """
        return _rows_of(np.frombuffer(joined, np.uint8), count, self._bytes, self._bounds, self._table)

    def __getitem__(self, video_id: str) -> int:
        row = int(self.rows_of(video_id.encode(), 1)[0]) if SEPARATOR.decode() not in video_id else _FREE
        if row == _FREE:
            raise KeyError(video_id)
        return row

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)


@compiled
def _slot(text: NDArray[np.uint8], start: int, stop: int, mask: int) -> int:
    """Return the first slot of an id: FNV-1a, its high bits folded onto the low ones."""
    digest = _OFFSET_BASIS
    for at in range(start, stop):
        digest = (digest ^ np.uint64(text[at])) * _PRIME
    return np.int64((digest ^ (digest >> np.uint64(32))) & np.uint64(mask))  # type: ignore[return-value]


@compiled
def _filled(known: NDArray[np.uint8], bounds: NDArray[np.int64], size: int) -> NDArray[np.int32]:
    """Return a table of `size` slots, a power of two above the number of ids, that holds every id's row."""
    table = np.full(size, _FREE, np.int32)
    for row in range(len(bounds) - 1):
        slot = _slot(known, bounds[row], bounds[row + 1], size - 1)
        while table[slot] != _FREE:
            slot = (slot + 1) & (size - 1)
        table[slot] = row
    return table


@compiled
def _is_row(
    text: NDArray[np.uint8], start: int, stop: int, known: NDArray[np.uint8], bounds: NDArray[np.int64], row: int
) -> bool:
    """Tell whether the text from `start` up to `stop` is the id of a row."""
    first = bounds[row]
    size = bounds[row + 1] - first
    if size != stop - start:
        return False
    same = 0
    while same < size and text[start + same] == known[first + same]:
        same += 1
    return bool(same == size)


@compiled
def _rows_of(
    joined: NDArray[np.uint8],
    count: int,
    known: NDArray[np.uint8],
    bounds: NDArray[np.int64],
    table: NDArray[np.int32],
) -> NDArray[np.int32]:
    rows = np.empty(count, np.int32)
    start = 0
    for place in range(count):
        stop = start
        while stop < len(joined) and joined[stop] != 0:
            stop += 1
        slot = _slot(joined, start, stop, len(table) - 1)
        while table[slot] != _FREE and not _is_row(joined, start, stop, known, bounds, table[slot]):
            slot = (slot + 1) & (len(table) - 1)
        rows[place] = table[slot]
        start = stop + 1
    return rows
