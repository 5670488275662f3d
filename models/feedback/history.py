"""A user's history: what the user did last, independent of any model.

A history is a set of *facts*. A fact belongs to a *register*, the pair of what was done (play, rate, view,
keep on the list, dismiss) and the video. Facts are totally ordered by their *rank* (ts, tie, kind, video,
value). The history keeps the fact of the largest rank of each register, and the `limit` facts
of the largest rank of all registers.

The order and the grouping of the events, and repeats of them, do not matter. Let M(E) hold the largest fact of
each register over the events E, and H(E) the `limit` largest facts of M(E). Then applying events F to H(E)
gives H(E ∪ F): a fact f missing from H(E) has `limit` facts of other registers above it, and events only raise
those, so neither f nor anything below f in its register can be in H(E ∪ F); dropping f loses nothing. And H
of a set does not know in which order the set was put together. The region is a maximum, too.
"""

from collections.abc import Sequence
from itertools import compress

import msgspec
import numpy as np
from numpy.typing import NDArray

from models.feedback.events import Event
from models.feedback.facts import (
    ACTION,
    FACT,
    IS_SEEN,
    KINDS,
    Rank,
    Register,
    event_rank,
    insert_fact,
    kinds_of,
    last_ts,
    pack_fact,
    rank_at,
    register_at,
    remove_facts,
)

_INFINITY = 0x7F800000


class HistoryInvalid(ValueError):
    """Facts, videos and region do not make a history."""


class LatestRegion(msgspec.Struct, frozen=True, gc=False):
    """The region that the user's latest event with a region named; `ts` in ms since the epoch."""

    name: str
    ts: int
    tie: int


class History(msgspec.Struct, frozen=True, gc=False):
    """The latest facts about one user; immutable. 22 bytes a fact, besides the video's id.

    Parameters
    ----------
    records
        The n facts as packed records of dtype `FACT`, ascending by (ts, tie, kind, video): `ts` in ms since the
        epoch (UTC), `tie` from `event_tie`, `value` the rating or the seconds watched (at most 1e9), else 0.
    ids
        The ids of the n videos in UTF-8, aligned with the records, joined by NUL, which no id holds.
    region
        The user's region, None while no event named one.
    """

    records: bytes
    ids: bytes
    region: LatestRegion | None

    @property
    def region_name(self) -> str | None:
        """The name of the user's region, None while no event named one."""
        return self.region.name if self.region else None

    @classmethod
    def of(cls, facts: NDArray[np.void], videos: Sequence[str], region: LatestRegion | None) -> "History":
        """Make a history of parts that came from outside.

        Cost: about 0.1 us a fact.

        Raises
        ------
        HistoryInvalid
            If dtype, length, kinds, values or order are not what `History` promises, or a register repeats.
        """
        if facts.dtype != FACT or facts.shape != (len(videos),):
            raise HistoryInvalid(f"{len(videos)} videos need as many facts, found {facts.dtype} {facts.shape}")
        history = cls(facts.tobytes(), "\0".join(videos).encode(), region)
        if videos:
            history._check()
        return history

    @property
    def facts(self) -> NDArray[np.void]:
        """The records as a read-only array, shape (n,), dtype `FACT`; no copy."""
        return np.frombuffer(self.records, FACT)

    @property
    def videos(self) -> tuple[str, ...]:
        """The ids of the n videos; a string is made for each."""
        return tuple(self.ids.decode().split("\0")) if self.records else ()

    def apply(self, events: Sequence[Event], limit: int) -> "History":
        """Return the history after more events, of which any may have been applied before.

        Cost: 2 to 3 us for one event that is the user's latest and about a video without a fact, as most are. Else
        O(n) bytes moved and O(m log m + m log n) steps for m events on n facts.
        """
        fresh, region = _latest(events, self.region)
        if len(fresh) == 1 and (appended := self._appended(next(iter(fresh.values())), limit)) is not None:
            return History(*appended, region)
        records, videos = bytearray(self.records), list(self.videos)
        for row in reversed(self._superseded(fresh, videos)):
            remove_facts(records, videos, row, row + 1)
        for rank in sorted(fresh.values())[-limit:]:
            insert_fact(records, videos, rank)
        remove_facts(records, videos, 0, max(len(videos) - limit, 0))
        return History(bytes(records), "\0".join(videos).encode(), region)

    def seen(self) -> frozenset[str]:
        """Return the videos that the user played, rated or dismissed."""
        return frozenset(compress(self.videos, kinds_of(self.records).translate(IS_SEEN)))

    def without(self, video: str) -> "History":
        """Return the history without what the user did to a video; the region stays. O(n).

        Facts that the limit drove out do not come back.
        """
        videos = self.videos
        kept = np.array([one != video for one in videos], np.bool_)
        if kept.all():
            return self
        return History(self.facts[kept].tobytes(), "\0".join(compress(videos, kept)).encode(), self.region)

    @property
    def last_ts(self) -> int | None:
        """The time of the latest fact in ms since the epoch, None for an empty history."""
        return last_ts(self.records) if self.records else None

    def __len__(self) -> int:
        return len(self.records) // FACT.itemsize

    def _appended(self, rank: Rank, limit: int) -> tuple[bytes, bytes] | None:
        """Return records and ids after one fact, None unless it is above all others and alone on its video."""
        if not self.records:
            return (pack_fact(rank), rank[3].encode()) if limit > 0 else (b"", b"")
        if rank[0] <= last_ts(self.records):  # rarely equal: the slow way compares the rest of the rank
            return None
        video = rank[3].encode()
        if video in self.ids and b"\0%b\0" % video in b"\0%b\0" % self.ids:
            return None
        records, ids = self.records + pack_fact(rank), b"%b\0%b" % (self.ids, video)
        surplus = len(records) // FACT.itemsize - limit
        if surplus > 0:
            records, ids = records[surplus * FACT.itemsize :], ids.split(b"\0", surplus)[-1]
        return records, ids

    def _superseded(self, fresh: dict[Register, Rank], videos: Sequence[str]) -> list[int]:
        """Return the rows that `fresh` replaces, and drop from `fresh` what is not above its register's row."""
        touched = {video for _, video in fresh}
        if touched.isdisjoint(videos):
            return []
        rows = []
        for row in [row for row, video in enumerate(videos) if video in touched]:
            register = register_at(self.records, videos, row)
            if register in fresh and fresh[register] > rank_at(self.records, videos, row):
                rows.append(row)
            else:
                fresh.pop(register, None)
        return rows

    def _check(self) -> None:
        kinds, videos = kinds_of(self.records), self.videos
        if kinds.translate(None, KINDS):
            raise HistoryInvalid("a fact is of no known kind")
        # As unsigned numbers, the floats that are finite and not negative are those below infinity.
        if np.maximum.reduce(self.facts["value"].copy().view(np.uint32)) >= _INFINITY:
            raise HistoryInvalid("the value of a fact is negative or not finite")
        unordered = self._unordered()
        if unordered.size:
            raise HistoryInvalid(f"facts {unordered[0]} and {unordered[0] + 1} are not in ascending order")
        if len(set(videos)) == len(videos):
            return
        if len(set(zip(kinds.translate(ACTION), videos, strict=True))) < len(videos):
            raise HistoryInvalid("two facts are about the same action on the same video")

    def _unordered(self) -> NDArray[np.int64]:
        """Return the rows whose rank (but for the value) is not below the next row's."""
        facts, videos = self.facts, self.videos
        ts, tie = facts["ts"].copy(), facts["tie"].copy()
        rows = (ts[1:] <= ts[:-1]).nonzero()[0]
        if rows.size:
            rows = rows[(ts[rows] > ts[rows + 1]) | (tie[rows] >= tie[rows + 1])]
            ranks = [[rank_at(self.records, videos, row + step)[:4] for step in (0, 1)] for row in rows.tolist()]
            rows = rows[[before >= after for before, after in ranks]]
        return rows


EMPTY_HISTORY = History(b"", b"", None)


def _latest(events: Sequence[Event], region: LatestRegion | None) -> tuple[dict[Register, Rank], LatestRegion | None]:
    """Return the largest rank of each register (action, video), and the latest region."""
    largest: dict[Register, Rank] = {}
    latest = before = (region.ts, region.tie, region.name) if region else None
    for event in events:
        rank = event_rank(event)
        register = ACTION[rank[2]], event.video_id
        if register not in largest or largest[register] < rank:
            largest[register] = rank
        if event.region is not None:
            named = rank[0], rank[1], event.region
            latest = named if latest is None else max(latest, named)
    if latest is not None and latest != before:
        region = LatestRegion(name=latest[2], ts=latest[0], tie=latest[1])
    return largest, region
