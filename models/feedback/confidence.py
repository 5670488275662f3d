"""From what a user did to how strongly it speaks for each video: the model's input transformation.

The rule is data: it is saved in ``model.json`` and travels with the model that was learned under it, so that an
offline job, a worker and a request turn the same history into the same confidences.
"""

from collections.abc import Sequence
from typing import Annotated, Final, NamedTuple

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from models.feedback.facts import FACT, IS_SEEN, Kind
from models.feedback.history import History
from models.feedback.video_index import SEPARATOR, VideoIndex
from models.names import LIKE_RATING
from models.numerics.compiled import compiled

Weight = Annotated[float, Meta(ge=0)]
Rating = Annotated[float, Meta(ge=0.5, le=5)]

_KINDS: Final = max(Kind) + 1
_IS_SEEN: Final = np.frombuffer(IS_SEEN, np.bool_)
_PLAY: Final = Kind.PLAY.value
_RATE: Final = Kind.RATE.value


class KnownFacts(NamedTuple):
    """The facts of some users about videos that an index knows; n entries, a CSR matrix with repeated columns.

    Parameters
    ----------
    indptr : int64 (n_users + 1,)
        User j owns the entries ``indptr[j]:indptr[j + 1]``, which ascend by (row, kind).
    rows : int32 (n,)
        The video's row in the index.
    kinds : uint8 (n,)
        What was done, a `Kind`.
    values : float32 (n,)
        Rating, seconds watched, or 0.
    """

    indptr: NDArray[np.int64]
    rows: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    values: NDArray[np.float32]

    @classmethod
    def of(cls, histories: Sequence[History], index: VideoIndex) -> "KnownFacts":
        """Look the histories' videos up; facts about videos that ``index`` lacks are left out.

        O(n log n) for the n facts of a history; 5 us for a hundred.
        """
        counts = np.fromiter(map(len, histories), np.int64, len(histories))
        joined = SEPARATOR.join([history.ids for history in histories if history.ids])
        rows = index.rows_of(joined, int(counts.sum()))
        facts = np.frombuffer(b"".join([history.records for history in histories]), FACT)
        kinds, values = np.ascontiguousarray(facts["kind"]), np.ascontiguousarray(facts["value"])
        return cls(*_in_order(counts, rows, kinds, values))

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Which facts say that their video was played, rated or dismissed, as `History.seen`; bool (n,)."""
        return _IS_SEEN[self.kinds]


class ConfidenceRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the facts of a user about one video add up to its confidence.

    A video's confidence is the sum over its facts. A dismissal or a bad rating vetoes the video: confidence 0. Only
    confidences above 0 count.

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
    like_rating: Rating = LIKE_RATING
    like_weight: Weight = 1.0
    dislike_rating: Annotated[float, Meta(ge=0, le=5)] = 2.5
    view_weight: Weight = 0.0
    list_weight: Weight = 0.5

    def confidences(self, history: History, index: VideoIndex) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Return one user's rows, ascending and unique, and the confidences, above 0, aligned.

        Videos that ``index`` lacks are skipped: they wait in the history for a model that knows them.
        """
        _, rows, confidences = self.matrix(KnownFacts.of([history], index))
        return rows, confidences

    def matrix(self, known: KnownFacts) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
        """Return the confidences of many users as a CSR matrix ``indptr, rows, confidences``; rows ascend in a user.

        O(n) for n facts.
        """
        weights = np.zeros(_KINDS)
        weights[Kind.PLAY] = self.play_weight / self.play_full_seconds
        weights[Kind.RATE] = self.like_weight
        weights[Kind.VIEW] = self.view_weight
        weights[Kind.LIST_ADD] = self.list_weight
        weights[Kind.DISMISS] = -np.inf
        return _summed(*known, weights, self.play_full_seconds, self.like_rating, self.dislike_rating)


@compiled
def _in_order(
    counts: NDArray[np.int64], rows: NDArray[np.int32], kinds: NDArray[np.uint8], values: NDArray[np.float32]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.uint8], NDArray[np.float32]]:
    """Leave out the facts without a row, and sort each user's by (row, kind); the parts of `KnownFacts`.

    A fact is sorted as one integer: row, kind, and the bits of its value, which no longer matter for the order.
    """
    bits = values.view(np.uint32)
    keys = np.empty(len(rows), np.int64)
    indptr = np.zeros(len(counts) + 1, np.int64)
    fact = known = 0
    for user in range(len(counts)):
        for _ in range(counts[user]):
            if rows[fact] >= 0:
                keys[known] = (np.int64(rows[fact]) << 35) | (np.int64(kinds[fact]) << 32) | np.int64(bits[fact])
                known += 1
            fact += 1
        keys[indptr[user] : known].sort()
        indptr[user + 1] = known
    known_bits = (keys[:known] & 0xFFFFFFFF).astype(np.uint32)
    known_kinds = ((keys[:known] >> 32) & 7).astype(np.uint8)
    return indptr, (keys[:known] >> 35).astype(np.int32), known_kinds, known_bits.view(np.float32)


@compiled
def _summed(
    indptr: NDArray[np.int64],
    rows: NDArray[np.int32],
    kinds: NDArray[np.uint8],
    values: NDArray[np.float32],
    weights: NDArray[np.float64],
    play_full_seconds: float,
    like_rating: float,
    dislike_rating: float,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    """Add up what the facts of each video count; a veto counts minus infinity, which no sum survives."""
    bounds = np.zeros(len(indptr), np.int64)
    chosen, confidences = np.empty(len(rows), np.int32), np.empty(len(rows), np.float32)
    count = 0
    for user in range(len(indptr) - 1):
        fact = indptr[user]
        while fact < indptr[user + 1]:
            row, total = rows[fact], 0.0
            while fact < indptr[user + 1] and rows[fact] == row:
                value = np.float64(values[fact])
                if kinds[fact] == _PLAY:
                    total += weights[_PLAY] * min(value, play_full_seconds)
                elif kinds[fact] != _RATE:
                    total += weights[kinds[fact]]
                elif value <= dislike_rating:
                    total -= np.inf
                elif value >= like_rating:
                    total += weights[_RATE]
                fact += 1
            if total > 0:
                chosen[count], confidences[count] = row, total
                count += 1
        bounds[user + 1] = count
    return bounds, chosen[:count], confidences[:count]
