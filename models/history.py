"""A user's history: what the user did last, independent of any model.

A history is a set of *facts*. A fact belongs to a *register*, the pair of what was done (play, rate, view,
keep on the list, dismiss) and the video. Facts are totally ordered by their *rank* (ts, tie, kind, video,
value). Of a register the history keeps the fact of the largest rank, and of all registers the `limit`
facts of the largest rank.

The order and the grouping of the events, and repeats of them, do not matter. Let M(E) hold the largest fact of
each register over the events E, and H(E) the `limit` largest facts of M(E). Then applying events F to H(E)
gives H(E ∪ F): a fact f missing from H(E) has `limit` facts of other registers above it, and events only raise
those, so neither f nor anything below f in its register can be in H(E ∪ F); forgetting f loses nothing. And H
of a set does not know in which order the set was put together. The region is a maximum, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from models.events import Event
from models.facts import (
    ACTION,
    FACT,
    IS_SEEN,
    KINDS,
    Kind,
    Rank,
    Register,
    event_rank,
    event_tie,
    insert_fact,
    kinds_of,
    rank_at,
    register_at,
    remove_facts,
)

__all__ = ["EMPTY_HISTORY", "FACT", "History", "HistoryInvalid", "Kind", "LatestRegion", "event_tie"]

_INFINITY = 0x7F800000


class HistoryInvalid(ValueError):
    """Facts, videos and region do not make a history."""


@dataclass(frozen=True, slots=True)
class LatestRegion:
    """The region that the user's latest event with a region named; `ts` in ms since the epoch."""

    name: str
    ts: int
    tie: int


@dataclass(frozen=True, slots=True, eq=False)
class History:
    """The latest facts about one user; immutable.

    Parameters
    ----------
    facts
        Shape (n,), dtype `FACT`, ascending by (ts, tie, kind, video): `ts` in ms since the epoch (UTC),
        `tie` from `event_tie`, `value` the rating or the seconds watched (at most 1e9), else 0.
    videos
        The n ids of the videos, aligned with `facts`.
    region
        The user's region, None while no event named one.
    """

    facts: NDArray[np.void]
    videos: tuple[str, ...]
    region: LatestRegion | None

    @classmethod
    def of(cls, facts: NDArray[np.void], videos: Sequence[str], region: LatestRegion | None) -> "History":
        """Make a history of parts that came from outside, such as a stored row; `facts` is not copied.

        Cost: about 0.1 us a fact.

        Raises
        ------
        HistoryInvalid
            If dtype, length, kinds, values or order are not what `History` promises, or a register repeats.
        """
        if facts.dtype != FACT or facts.shape != (len(videos),):
            raise HistoryInvalid(f"{len(videos)} videos need as many facts, found {facts.dtype} {facts.shape}")
        frozen = facts.view()
        frozen.flags.writeable = False
        history = cls(frozen, tuple(videos), region)
        if videos:
            history._check()
        return history

    def apply(self, events: Sequence[Event], limit: int) -> "History":
        """Return the history after more events, of which any may have been applied before.

        Cost: O(n) bytes moved and O(m log m + m log n) steps for m events on n facts.
        """
        fresh, region = _latest(events, self.region)
        records, videos = bytearray(self.facts.tobytes()), list(self.videos)
        for row in reversed(self._superseded(fresh, records)):
            remove_facts(records, videos, row, row + 1)
        for rank in sorted(fresh.values())[-limit:]:
            insert_fact(records, videos, rank)
        remove_facts(records, videos, 0, max(len(videos) - limit, 0))
        return History(np.frombuffer(bytes(records), FACT), tuple(videos), region)

    def seen(self) -> frozenset[str]:
        """Return the videos that the user played, rated or dismissed."""
        return frozenset(compress(self.videos, kinds_of(self.facts).translate(IS_SEEN)))

    @property
    def last_ts(self) -> int | None:
        """The time of the latest fact in ms since the epoch, None for an empty history."""
        return int(self.facts["ts"][-1]) if self.videos else None

    def __len__(self) -> int:
        return len(self.videos)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, History) and self._content() == other._content()

    def __hash__(self) -> int:
        return hash(self._content())

    def _content(self) -> tuple[object, ...]:
        return self.region, self.videos, self.facts.tobytes()

    def _superseded(self, fresh: dict[Register, Rank], records: bytearray) -> list[int]:
        """Return the rows that `fresh` replaces, and drop from `fresh` what is not above its register's row."""
        touched = {video for _, video in fresh}
        if touched.isdisjoint(self.videos):
            return []
        rows = []
        for row in [row for row, video in enumerate(self.videos) if video in touched]:
            register = register_at(records, self.videos, row)
            if register in fresh and fresh[register] > rank_at(records, self.videos, row):
                rows.append(row)
            else:
                fresh.pop(register, None)
        return rows

    def _check(self) -> None:
        kinds = kinds_of(self.facts)
        if kinds.translate(None, KINDS):
            raise HistoryInvalid("a fact is of no known kind")
        # As unsigned numbers, the floats that are finite and not negative are those below infinity.
        if np.maximum.reduce(self.facts["value"].copy().view(np.uint32)) >= _INFINITY:
            raise HistoryInvalid("the value of a fact is negative or not finite")
        unordered = self._unordered()
        if unordered.size:
            raise HistoryInvalid(f"facts {unordered[0]} and {unordered[0] + 1} are not in ascending order")
        if len(set(self.videos)) == len(self.videos):
            return
        if len(set(zip(kinds.translate(ACTION), self.videos, strict=True))) < len(self.videos):
            raise HistoryInvalid("two facts are about the same action on the same video")

    def _unordered(self) -> NDArray[np.int64]:
        """Return the rows whose rank (but for the value) is not below the next row's."""
        ts, tie = self.facts["ts"].copy(), self.facts["tie"].copy()
        rows = (ts[1:] <= ts[:-1]).nonzero()[0]
        if rows.size:
            rows = rows[(ts[rows] > ts[rows + 1]) | (tie[rows] >= tie[rows + 1])]
            records = self.facts.tobytes()
            ranks = [[rank_at(records, self.videos, row + step)[:4] for step in (0, 1)] for row in rows.tolist()]
            rows = rows[[before >= after for before, after in ranks]]
        return rows


EMPTY_HISTORY = History(np.empty(0, FACT), (), None)
EMPTY_HISTORY.facts.flags.writeable = False


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
