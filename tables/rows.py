"""The row of a user: what they did, and the scores that one version of the model made of it.

Layout, little endian, in this order:

=============  =======================  ====================================================================
part           size in bytes            content
=============  =======================  ====================================================================
header         30                       applied offset int64, format uint8, counts and lengths, time of writing
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
from typing import NamedTuple

from tables.errors import RowCorrupt

_FORMAT = 1
_HEADER = struct.Struct("<qBBHHBHIqx")
"""applied offset, format, region length, facts, recent, version length, scores, bytes of video ids, written at (ms)."""
_FORMAT_AT = 8
_REGION = struct.Struct("<qQ")
_TIE_BYTES, _SCORE_BYTES = 8, 4
_SEPARATOR = b"\0"

MAX_COUNT = 0xFFFF
"""Largest number of facts, recent events or scores that a row can name."""


class RegionStamp(NamedTuple):
    """The region a user is in, with the (ts, tie) of the event that said so."""

    name: str
    ts: int
    tie: int


class UserRow(NamedTuple):
    """One user's stored state; what is long stays bytes.

    Parameters
    ----------
    applied_offset : last source offset that is applied.
    written_at : ms since the epoch, UTC, when this row was made.
    recent : 8 bytes each, hashes of the last event ids, oldest first.
    records : n facts of the codec's size, ascending in time.
    ids : UTF-8 ids of the n videos, aligned with the records, joined by NUL.
    region : where the user is, or None while no event named a region.
    version : model version of `top_rows` and `top_scores`; empty when there was no model.
    top_rows, top_scores : m int32 and m float32, little endian, best first.
    """

    applied_offset: int
    written_at: int
    recent: bytes
    records: bytes
    ids: bytes
    region: RegionStamp | None
    version: str
    top_rows: bytes
    top_scores: bytes


class RowStamp(NamedTuple):
    """What tells of a row whether its list is of a version, and how recent it is; read without the rest.

    Parameters
    ----------
    version, region : UTF-8 names; empty when there is none.
    last_fact : the latest fact of the history, empty when there is none.
    """

    version: bytes
    region: bytes
    last_fact: bytes


class RowCodec:
    """Turns `UserRow` into bytes and back.

    Parameters
    ----------
    fact_bytes : size of one fact of a history, fixed for the life of a table.
    """

    def __init__(self, fact_bytes: int) -> None:
        self._fact_bytes = fact_bytes

    def encode(self, row: UserRow) -> bytes:
        """Return the row's bytes; 1 us and one copy."""
        region = b""
        if row.region is not None:
            region = row.region.name.encode()
        version = row.version.encode()
        header = _HEADER.pack(
            row.applied_offset,
            _FORMAT,
            len(region),
            len(row.records) // self._fact_bytes,
            len(row.recent) // _TIE_BYTES,
            len(version),
            len(row.top_rows) // _SCORE_BYTES,
            len(row.ids),
            row.written_at,
        )
        if row.region is not None:
            region += _REGION.pack(row.region.ts, row.region.tie)
        return b"".join((header, region, row.recent, row.records, row.ids, version, row.top_rows, row.top_scores))

    def stamp(self, data: bytes) -> RowStamp:
        """Read the stamp of a row that this code wrote; 1 us. Raises `RowCorrupt` on another format."""
        if len(data) < _HEADER.size or data[_FORMAT_AT] != _FORMAT:
            raise RowCorrupt(f"user row of {len(data)} bytes is not of format {_FORMAT}")
        _, _, n_region, n_facts, n_recent, n_version, _, n_ids, _ = _HEADER.unpack_from(data)
        region_at = _HEADER.size
        facts_at = region_at + (n_region + _REGION.size if n_region else 0) + n_recent * _TIE_BYTES
        ids_at = facts_at + n_facts * self._fact_bytes
        version_at = ids_at + n_ids
        last = data[ids_at - self._fact_bytes : ids_at] if n_facts else b""
        return RowStamp(data[version_at : version_at + n_version], data[region_at : region_at + n_region], last)

    def decode(self, data: bytes) -> UserRow:
        """Read a row; 2 us. Raises `RowCorrupt` on a length or format mismatch, and on text that is not UTF-8."""
        if len(data) < _HEADER.size:
            raise RowCorrupt(f"user row of {len(data)} bytes, a header has {_HEADER.size}")
        applied_offset, layout, n_region, n_facts, n_recent, n_version, n_top, n_ids, written_at = _HEADER.unpack_from(
            data
        )
        if layout != _FORMAT:
            raise RowCorrupt(f"user row of format {layout}, this code reads format {_FORMAT}")
        region_at = _HEADER.size
        recent_at = region_at + (n_region + _REGION.size if n_region else 0)
        records_at = recent_at + n_recent * _TIE_BYTES
        ids_at = records_at + n_facts * self._fact_bytes
        version_at = ids_at + n_ids
        rows_at = version_at + n_version
        scores_at = rows_at + n_top * _SCORE_BYTES
        end = scores_at + n_top * _SCORE_BYTES
        if end != len(data):
            raise RowCorrupt(f"user row of {len(data)} bytes, its header speaks of {end}")
        ids = data[ids_at:version_at]
        named = ids.count(_SEPARATOR) + 1 if n_facts else n_ids
        if named != n_facts:
            raise RowCorrupt(f"user row with {n_facts} facts names {named} videos")
        _text(ids)
        return UserRow(
            applied_offset,
            written_at,
            data[recent_at:records_at],
            data[records_at:ids_at],
            ids,
            _region(data[region_at:recent_at], n_region) if n_region else None,
            _text(data[version_at:rows_at]),
            data[rows_at:scores_at],
            data[scores_at:],
        )


def _region(data: bytes, length: int) -> RegionStamp:
    return RegionStamp(_text(data[:length]), *_REGION.unpack_from(data, length))


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise RowCorrupt(f"user row holds text that is not UTF-8: {error.reason}") from None
