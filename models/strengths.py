"""From what a user did to how strongly it speaks for each video: the model's input transformation.

The rule is data: it is saved in ``model.json`` and travels with the model that was learned under it, so that an
offline job, a worker and a request turn the same history into the same strengths.
"""

from collections.abc import Mapping, Sequence
from itertools import chain, repeat
from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from models.history import FACT, History, Kind

Weight = Annotated[float, Meta(ge=0)]
Rating = Annotated[float, Meta(ge=0.5, le=5)]


class KnownFacts(NamedTuple):
    """The facts of some users about videos that an index knows; n aligned entries, user by user, oldest first.

    Parameters
    ----------
    users : int64 (n,)
        Position of the user, ascending.
    rows : int32 (n,)
        The video's row in the index.
    kinds : uint8 (n,)
        What was done, a `Kind`.
    values : float32 (n,)
        Rating, seconds watched, or 0.
    n_users : int
        Number of users, also those without a known fact.
    """

    users: NDArray[np.int64]
    rows: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    values: NDArray[np.float32]
    n_users: int

    @classmethod
    def of(cls, histories: Sequence[History], index: Mapping[str, int]) -> "KnownFacts":
        """Look the histories' videos up; facts about videos that ``index`` lacks are left out."""
        lengths = [len(history) for history in histories]
        videos = chain.from_iterable(history.videos for history in histories)
        rows = np.fromiter(map(index.get, videos, repeat(-1)), np.int32, sum(lengths))
        # the bytes of structured arrays join ten times as fast as the arrays concatenate
        facts = np.frombuffer(b"".join(history.facts.data for history in histories), FACT)
        users = np.repeat(np.arange(len(histories)), lengths)
        known = rows >= 0
        return cls(users[known], rows[known], facts["kind"][known], facts["value"][known], len(histories))


class StrengthRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the facts of a user about one video add up to its strength.

    A video's strength is the sum over its facts. A dismissal or a bad rating vetoes the video: strength 0. Only
    strengths above 0 count.

    Parameters
    ----------
    play_weight, play_full_seconds : float
        A play of s seconds counts ``play_weight * min(1, s / play_full_seconds)``.
    like_rating, like_weight : float
        A rating of at least ``like_rating`` (0.5 to 5) counts ``like_weight``.
    dislike_rating : float
        A rating of at most this vetoes.
    view_weight : float
        What a look at the video's page counts.
    list_weight : float
        What a video counts that is on the user's list.
    """

    play_weight: Weight = 1.0
    play_full_seconds: Annotated[float, Meta(gt=0)] = 1200.0
    like_rating: Rating = 4.0
    like_weight: Weight = 1.0
    dislike_rating: Annotated[float, Meta(ge=0, le=5)] = 2.5
    view_weight: Weight = 0.0
    list_weight: Weight = 0.5

    def strengths(self, history: History, index: Mapping[str, int]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return one user's rows, ascending and unique, and the strengths, above 0, aligned.

        Videos that ``index`` lacks are skipped: they wait in the history for a model that knows them.
        """
        _, rows, strengths = self.matrix(KnownFacts.of([history], index))
        return rows, strengths

    def matrix(self, known: KnownFacts) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
        """Return the strengths of many users as a CSR matrix ``indptr, rows, strengths``; rows ascend in a user.

        O(n log n) for n facts.
        """
        # user, row and kind make a unique key: the order of the sums, so their bits, is that of the key
        key = (known.users << 34) | (known.rows.astype(np.int64) << 3) | known.kinds
        order = np.argsort(key)
        starts = np.flatnonzero(np.diff(key[order] >> 3, prepend=-1))
        sums = np.add.reduceat(self._contributions(known)[order], starts) if len(starts) else np.empty(0)
        counted = sums > 0
        first = order[starts][counted]
        per_user = np.bincount(known.users[first], minlength=known.n_users)
        indptr = np.concatenate(([0], np.cumsum(per_user)))
        return indptr, known.rows[first], sums[counted].astype(np.float32)

    def _contributions(self, known: KnownFacts) -> NDArray[np.float64]:
        """Return what each fact counts; a veto counts minus infinity, which no sum survives."""
        by_kind = np.zeros(max(Kind) + 1)
        by_kind[Kind.PLAY] = self.play_weight / self.play_full_seconds
        by_kind[Kind.VIEW] = self.view_weight
        by_kind[Kind.LIST_ADD] = self.list_weight
        by_kind[Kind.DISMISS] = -np.inf
        counts = by_kind[known.kinds]
        values = known.values.astype(np.float64)
        counts *= np.where(known.kinds == Kind.PLAY, np.minimum(values, self.play_full_seconds), 1.0)
        rated = known.kinds == Kind.RATE
        counts[rated & (values >= self.like_rating)] = self.like_weight
        counts[rated & (values <= self.dislike_rating)] = -np.inf
        return counts
