"""The row of a user: what they did, and the scores that one model made of it.

Layout of format 2, little endian, in this order:

=============  =======================  ====================================================================
part           size in bytes            content
=============  =======================  ====================================================================
header         32                       applied offset int64, format uint8, release as in every row
                                        (`tables.formats`), counts and lengths, time of writing
region         region length + 16       name, then ts int64 and tie uint64 of the event that named it
recent         8 a recent event         hashes of the last event ids, oldest first
facts          itemsize a fact          the history's facts, a numpy structured array
videos         length                   ids of the facts' videos, UTF-8, joined by NUL (ids hold none)
model          length                   the identity of the model that made the scores
top rows       4 a score                int32 rows of the stored videos in that model, best first
top scores     4 a score                float32 scores, aligned with the rows
=============  =======================  ====================================================================

Format 1 had a header of 30 bytes without the release, and the version's name in the place of the model. Versions of two
models may have one name, so a list of format 1 is of no known model: it is passed over, and the rest is as it was.

History and scores share one row: they are written together for every event, so two rows would be two changelog
records, two RocksDB entries and two round trips for the same atomic step.
"""

import struct
from typing import NamedTuple, TypeAlias

from tables.errors import RowCorrupt
from tables.formats import FORMAT_AT, WRITTEN_BY, unknown_format

_FORMAT = 2
_HEADER = struct.Struct("<qB3sBHHBHIq")
"""applied offset, format, release, region length, facts, recent, model length, scores, bytes of ids, written at, ms."""
_HEADER_BYTES = _HEADER.size
_HEADER_1 = struct.Struct("<qxBHHBHIqx")
"""The same of format 1, less format and release."""
_REGION = struct.Struct("<qQ")
_REGION_BYTES = _REGION.size
_TIE_BYTES, _SCORE_BYTES = 8, 4
_SEPARATOR = b"\0"
_Places: TypeAlias = tuple[int, int, int, int, int, int, int, int, int, int]

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
    model : identity of the model of `top_rows` and `top_scores`, at most 255 bytes; empty when there was none.
    top_rows, top_scores : m int32 and m float32, little endian, best first.
    """

    applied_offset: int
    written_at: int
    recent: bytes
    records: bytes
    ids: bytes
    region: RegionStamp | None
    model: bytes
    top_rows: bytes
    top_scores: bytes


class RowStamp(NamedTuple):
    """What tells of a row whether its list is of a model, and how recent it is; read without the rest.

    Parameters
    ----------
    model : its identity; empty when there was none, and for a list of format 1.
    region : UTF-8 name; empty when there is none.
    last_fact : the latest fact of the history, empty when there is none.
    """

    model: bytes
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
        header = _HEADER.pack(
            row.applied_offset,
            _FORMAT,
            WRITTEN_BY,
            len(region),
            len(row.records) // self._fact_bytes,
            len(row.recent) // _TIE_BYTES,
            len(row.model),
            len(row.top_rows) // _SCORE_BYTES,
            len(row.ids),
            row.written_at,
        )
        if row.region is not None:
            region += _REGION.pack(row.region.ts, row.region.tie)
        return b"".join((header, region, row.recent, row.records, row.ids, row.model, row.top_rows, row.top_scores))

    def stamp(self, data: bytes) -> RowStamp:
        """Read the stamp of a row; 1 us. Raises as `decode` does, but for text that is not UTF-8."""
        region_at, n_region, _, records_at, ids_at, model_at, rows_at, *_ = self._places(data)
        last = data[ids_at - self._fact_bytes : ids_at] if records_at < ids_at else b""
        model = b"" if data[FORMAT_AT] == 1 else data[model_at:rows_at]
        return RowStamp(model, data[region_at : region_at + n_region], last)

    def decode(self, data: bytes) -> UserRow:
        """Read a row of any format so far; 2 us.

        Raises
        ------
        NewerFormat
            When a later release wrote it.
        RowCorrupt
            When its lengths or its format are nobody's, or its text is not UTF-8.
        """
        region_at, n_region, recent_at, records_at, ids_at, model_at, rows_at, scores_at, applied, written = (
            self._places(data)
        )
        ids = data[ids_at:model_at]
        n_facts = (ids_at - records_at) // self._fact_bytes
        named = ids.count(_SEPARATOR) + 1 if n_facts else len(ids)
        if named != n_facts:
            raise RowCorrupt(f"user row with {n_facts} facts names {named} videos")
        _text(ids)
        listed = data[FORMAT_AT] != 1
        return UserRow(
            applied,
            written,
            data[recent_at:records_at],
            data[records_at:ids_at],
            ids,
            _region(data[region_at:recent_at], n_region) if n_region else None,
            data[model_at:rows_at] if listed else b"",
            data[rows_at:scores_at] if listed else b"",
            data[scores_at:] if listed else b"",
        )

    def _places(self, data: bytes) -> _Places:
        """Return where a row's parts are, once its header fits its length.

        They are: region and the length of its name, recent, records, ids, model, top rows, top scores; then what the
        header says besides, applied offset and time of writing.
        """
        size = len(data)
        if size >= _HEADER_BYTES and data[FORMAT_AT] == _FORMAT:
            applied, _, _, n_region, n_facts, n_recent, n_model, n_top, n_ids, written = _HEADER.unpack_from(data)
            region_at = _HEADER_BYTES
        elif size >= _HEADER_1.size and data[FORMAT_AT] == 1:
            applied, n_region, n_facts, n_recent, n_model, n_top, n_ids, written = _HEADER_1.unpack_from(data)
            region_at = _HEADER_1.size
        else:
            raise _not_read(data)
        recent_at = region_at + (n_region + _REGION_BYTES if n_region else 0)
        records_at = recent_at + n_recent * _TIE_BYTES
        ids_at = records_at + n_facts * self._fact_bytes
        model_at = ids_at + n_ids
        rows_at = model_at + n_model
        scores_at = rows_at + n_top * _SCORE_BYTES
        end = scores_at + n_top * _SCORE_BYTES
        if end != size:
            raise RowCorrupt(f"user row of {len(data)} bytes, its header speaks of {end}")
        return region_at, n_region, recent_at, records_at, ids_at, model_at, rows_at, scores_at, applied, written


def _not_read(data: bytes) -> RowCorrupt:
    """Return why there is no header that this code knows."""
    layout = data[FORMAT_AT] if len(data) > FORMAT_AT else 0
    if layout in {1, _FORMAT}:
        return RowCorrupt(f"user row of {len(data)} bytes, too few for the header of format {layout}")
    return unknown_format("user row", data, _FORMAT)


def _region(data: bytes, length: int) -> RegionStamp:
    return RegionStamp(_text(data[:length]), *_REGION.unpack_from(data, length))


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise RowCorrupt(f"user row holds text that is not UTF-8: {error.reason}") from None
