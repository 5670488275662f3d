"""The row of a user: what they did, and the scores that one version of the model made of it.

Layout, little endian, in this order:

=============  =======================  ====================================================================
part           size in bytes            content
=============  =======================  ====================================================================
header         30                       fence int64, format uint8, counts and lengths, time of writing
region         region length + 16       name, then ts int64 and tie uint64 of the event that named it
recent         8 a recent event         uint64 hashes of the last event ids, oldest first
facts          itemsize a fact          the history's facts, a numpy structured array
videos         length                   ids of the facts' videos, UTF-8, joined by NUL (ids hold none)
version        length                   UTF-8 name of the model version that made the scores
top rows       4 a score                int32 rows of the stored videos in that version, best first
top scores     4 a score                float32 scores, aligned with the rows
=============  =======================  ====================================================================

History and scores share one row: they are written together for every event, so two rows would be two changelog
records, two RocksDB entries and two round trips for the same atomic step.
"""

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tables.errors import RowCorrupt

_FORMAT = 1
_HEADER = struct.Struct("<qBBHHBHIqx")
"""fence, format, region length, facts, recent, version length, scores, bytes of video ids, written at (ms)."""
_REGION = struct.Struct("<qQ")

MAX_COUNT = 0xFFFF
"""Largest number of facts, recent events or scores that a row can name."""


@dataclass(frozen=True, slots=True)
class RegionStamp:
    """The region a user is in, with the (ts, tie) of the event that said so."""

    name: str
    ts: int
    tie: int


@dataclass(frozen=True, slots=True)
class UserRow:
    """One user's stored state.

    Parameters
    ----------
    fence : last source offset that is applied.
    written_at : ms since the epoch, UTC, when this row was made.
    recent : uint64, hashes of the last event ids, oldest first.
    facts : structured array (n,), ascending in time; its dtype is the codec's.
    videos : n video ids, aligned with `facts`.
    region : where the user is, or None while no event named a region.
    version : model version of `top_rows` and `top_scores`; empty when there was no model.
    top_rows, top_scores : int32 and float32 (m,), best first.
    """

    fence: int
    written_at: int
    recent: NDArray[np.uint64]
    facts: NDArray[Any]
    videos: tuple[str, ...]
    region: RegionStamp | None
    version: str
    top_rows: NDArray[np.int32]
    top_scores: NDArray[np.float32]


class RowCodec:
    """Turns `UserRow` into bytes and back.

    Parameters
    ----------
    fact_dtype : structured dtype of one fact of a history, fixed for the life of a table.
    """

    def __init__(self, fact_dtype: np.dtype[Any]) -> None:
        self._fact = fact_dtype

    def encode(self, row: UserRow) -> bytes:
        """Return the row's bytes; cost O(size), a handful of copies."""
        region = row.region.name.encode() if row.region else b""
        stamp = _REGION.pack(row.region.ts, row.region.tie) if row.region else b""
        videos = "\0".join(row.videos).encode()
        version = row.version.encode()
        header = _HEADER.pack(
            row.fence,
            _FORMAT,
            len(region),
            len(row.facts),
            len(row.recent),
            len(version),
            len(row.top_rows),
            len(videos),
            row.written_at,
        )
        arrays = (row.recent, row.facts, row.top_rows, row.top_scores)
        recent, facts, rows, scores = (array.tobytes() for array in arrays)
        return b"".join((header, region, stamp, recent, facts, videos, version, rows, scores))

    def decode(self, data: bytes) -> UserRow:
        """Read a row; arrays are read-only views of `data`. Raises `RowCorrupt` on any length or format mismatch."""
        if len(data) < _HEADER.size:
            raise RowCorrupt(f"user row of {len(data)} bytes, a header has {_HEADER.size}")
        fence, layout, n_region, n_facts, n_recent, n_version, n_top, n_videos, written_at = _HEADER.unpack_from(data)
        if layout != _FORMAT:
            raise RowCorrupt(f"user row of format {layout}, this code reads format {_FORMAT}")
        sections = _Sections(data, _HEADER.size)
        region = None
        if n_region:
            name = sections.text(n_region)
            region = RegionStamp(name, *_REGION.unpack(sections.take(_REGION.size)))
        recent = sections.array(np.dtype("<u8"), n_recent)
        facts = sections.array(self._fact, n_facts)
        names = sections.text(n_videos)
        videos = tuple(names.split("\0")) if n_facts else ()
        if len(videos) != n_facts:
            raise RowCorrupt(f"user row with {n_facts} facts names {len(videos)} videos")
        version = sections.text(n_version)
        top_rows = sections.array(np.dtype("<i4"), n_top)
        top_scores = sections.array(np.dtype("<f4"), n_top)
        sections.finish()
        return UserRow(fence, written_at, recent, facts, videos, region, version, top_rows, top_scores)


class _Sections:
    """Cuts a row into its parts, in order, and refuses to read past its end."""

    def __init__(self, data: bytes, start: int) -> None:
        self._data = data
        self._at = start

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        start, self._at = self._at, self._at + size
        if self._at > len(self._data):
            raise RowCorrupt(f"user row of {len(self._data)} bytes is cut: {self._at} are needed")
        return self._data[start : self._at]

    def text(self, size: int) -> str:
        """Return the next `size` bytes as text."""
        try:
            return self.take(size).decode()
        except UnicodeDecodeError as error:
            raise RowCorrupt(f"user row holds text that is not UTF-8: {error.reason}") from None

    def array(self, dtype: np.dtype[Any], count: int) -> NDArray[Any]:
        """Return the next `count` items as a read-only array."""
        return np.frombuffer(self.take(count * dtype.itemsize), dtype, count)

    def finish(self) -> None:
        """Check that nothing is left over."""
        if self._at != len(self._data):
            raise RowCorrupt(f"user row of {len(self._data)} bytes has {len(self._data) - self._at} too many")
