"""Facts: what a user did to one video, as 21 bytes and an id, and the total order of them.

A fact's *rank* is (ts, tie, kind, video, value). Its *register* is the pair of the action (play, rate, view, keep on
the list, dismiss) and the video; adding to the list and removing from it write the same register.
"""

import struct
from bisect import bisect_left
from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from hashlib import blake2b
from typing import TypeAlias

import numpy as np

from models.feedback.events import Event, Play, Rate, event_milliseconds
from models.names import SEEN

FACT = np.dtype([("ts", "<i8"), ("tie", "<u8"), ("value", "<f4"), ("kind", "u1")])
MAX_SECONDS_WATCHED = 1e9

Rank: TypeAlias = tuple[int, int, int, str, float]
Register: TypeAlias = tuple[int, str]

_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999
_RECORD = struct.Struct("<qQfB")  # FACT's bytes
_TS = struct.Struct("<q")
_FLOAT32 = struct.Struct("<f")
_SIZE = _RECORD.size
_KIND = _SIZE - 1  # where a record holds its kind


class Kind(IntEnum):
    """What a fact says that the user did."""

    PLAY = 1
    RATE = 2
    VIEW = 3
    LIST_ADD = 4
    LIST_REMOVE = 5
    DISMISS = 6


# Plain numbers: an IntEnum costs a microsecond where a fact is made.
_PLAY, _RATE = Kind.PLAY.value, Kind.RATE.value
_KIND_OF_ACTION = {"view": 3, "list_add": 4, "list_remove": 5, "dismiss": 6}

# Tables by kind, as long as bytes.translate wants them.
ACTION = bytes([0, 1, 2, 3, 4, 4, 6]).ljust(256, b"\0")
IS_SEEN = bytes([0, *(kind.name.lower() in SEEN for kind in Kind)]).ljust(256, b"\0")
KINDS = bytes(Kind)


@lru_cache(maxsize=64)  # each event asks twice, one after the other: as a producer's duplicate, then in its rank
def event_tie(event_id: str) -> int:
    """Return a 64-bit hash of the event's id (BLAKE2b), which orders events of the same millisecond."""
    return int.from_bytes(blake2b(event_id.encode(), digest_size=8).digest(), "little")


def event_rank(event: Event) -> Rank:
    """Return the rank of the event's fact: ms since the epoch, tie, kind, video id, value in float32."""
    if isinstance(event, Play):
        kind, value = _PLAY, min(event.seconds_watched, MAX_SECONDS_WATCHED)
    elif isinstance(event, Rate):
        kind, value = _RATE, event.rating
    else:
        kind, value = _KIND_OF_ACTION[event.action], 0.0
    # An event must compare as its fact does, whose value is rounded to float32.
    (value,) = _FLOAT32.unpack(_FLOAT32.pack(value))
    return event_milliseconds(event), event_tie(event.event_id), kind, event.video_id, value


def rank_at(records: bytes | bytearray, videos: Sequence[str], row: int) -> Rank:
    """Return the rank of one of the facts that are packed in `records`."""
    ts, tie, value, kind = _RECORD.unpack_from(records, row * _SIZE)
    return ts, tie, kind, videos[row], value


def register_at(records: bytes | bytearray, videos: Sequence[str], row: int) -> Register:
    """Return the register of one of the facts that are packed in `records`."""
    return ACTION[records[row * _SIZE + _KIND]], videos[row]


def kinds_of(records: bytes) -> bytes:
    """Return the kinds of n packed facts as n bytes, to be translated by the tables."""
    return records[_KIND::_SIZE]


def last_ts(records: bytes) -> int:
    """Return the time of the last of at least one packed fact, in ms since the epoch."""
    ts: int = _TS.unpack_from(records, len(records) - _SIZE)[0]
    return ts


def is_date(ts: int) -> bool:
    """Return whether ms since the epoch are a moment of the years 1 to 9999."""
    return _FIRST_MS <= ts <= _LAST_MS


def pack_fact(rank: Rank) -> bytes:
    """Return the 21 bytes of a fact."""
    ts, tie, kind, _, value = rank
    return _RECORD.pack(ts, tie, value, kind)


def insert_fact(records: bytearray, videos: list[str], rank: Rank) -> None:
    """Insert a fact where its rank belongs."""
    row = len(videos)
    if videos and rank < rank_at(records, videos, row - 1):  # most events are the user's latest: no search
        row = bisect_left(range(row), rank, key=lambda middle: rank_at(records, videos, middle))
    records[row * _SIZE : row * _SIZE] = pack_fact(rank)
    videos.insert(row, rank[3])


def remove_facts(records: bytearray, videos: list[str], start: int, stop: int) -> None:
    """Remove the facts from `start` up to, not including, `stop`."""
    del records[start * _SIZE : stop * _SIZE], videos[start:stop]
