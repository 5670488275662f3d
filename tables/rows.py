"""The row of a user: what they did, and the scores that one version of the model made of it.

Layout, little endian, in this order:

=============  =======================  ====================================================================
part           size in bytes            content
=============  =======================  ====================================================================
header         30                       fence int64, format uint8, counts and lengths, time of writing
region         region length + 16       name, then ts int64 and tie uint64 of the event that named it
recent         8 a recent event         hashes of the last event ids, oldest first
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
_TIE_BYTES = 8
_ROW, _SCORE = np.dtype("<i4"), np.dtype("<f4")

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
    recent : 8 bytes each, hashes of the last event ids, oldest first.
    facts : structured array (n,), ascending in time; its dtype is the codec's.
    videos : n video ids, aligned with `facts`.
    region : where the user is, or None while no event named a region.
    version : model version of `top_rows` and `top_scores`; empty when there was no model.
    top_rows, top_scores : int32 and float32 (m,), best first.
    """

    fence: int
    written_at: int
    recent: bytes
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
        region, stamp = b"", b""
        if row.region is not None:
            region, stamp = row.region.name.encode(), _REGION.pack(row.region.ts, row.region.tie)
        videos = "\0".join(row.videos).encode()
        version = row.version.encode()
        header = _HEADER.pack(
            row.fence,
            _FORMAT,
            len(region),
            len(row.facts),
            len(row.recent) // _TIE_BYTES,
            len(version),
            len(row.top_rows),
            len(videos),
            row.written_at,
        )
        facts, rows, scores = row.facts.tobytes(), row.top_rows.tobytes(), row.top_scores.tobytes()
        return b"".join((header, region, stamp, row.recent, facts, videos, version, rows, scores))

    def decode(self, data: bytes) -> UserRow:
        """Read a row; arrays are read-only views of `data`. Raises `RowCorrupt` on a length or format mismatch."""
        if len(data) < _HEADER.size:
            raise RowCorrupt(f"user row of {len(data)} bytes, a header has {_HEADER.size}")
        header = _HEADER.unpack_from(data)
        fence, layout, n_region, n_facts, n_recent, n_version, n_top, n_videos, written_at = header
        if layout != _FORMAT:
            raise RowCorrupt(f"user row of format {layout}, this code reads format {_FORMAT}")
        region_at = _HEADER.size
        recent_at = region_at + (n_region + _REGION.size if n_region else 0)
        facts_at = recent_at + n_recent * _TIE_BYTES
        videos_at = facts_at + n_facts * self._fact.itemsize
        version_at = videos_at + n_videos
        rows_at = version_at + n_version
        scores_at = rows_at + n_top * _ROW.itemsize
        end = scores_at + n_top * _SCORE.itemsize
        if end != len(data):
            raise RowCorrupt(f"user row of {len(data)} bytes, its header speaks of {end}")
        videos = tuple(_text(data, videos_at, version_at).split("\0")) if n_facts else ()
        if len(videos) != n_facts:
            raise RowCorrupt(f"user row with {n_facts} facts names {len(videos)} videos")
        return UserRow(
            fence,
            written_at,
            data[recent_at:facts_at],
            np.frombuffer(data, self._fact, n_facts, facts_at),
            videos,
            _region(data, region_at, n_region) if n_region else None,
            _text(data, version_at, rows_at),
            np.frombuffer(data, _ROW, n_top, rows_at),
            np.frombuffer(data, _SCORE, n_top, scores_at),
        )


def _region(data: bytes, start: int, length: int) -> RegionStamp:
    return RegionStamp(_text(data, start, start + length), *_REGION.unpack_from(data, start + length))


def _text(data: bytes, start: int, stop: int) -> str:
    try:
        return data[start:stop].decode()
    except UnicodeDecodeError as error:
        raise RowCorrupt(f"user row holds text that is not UTF-8: {error.reason}") from None
