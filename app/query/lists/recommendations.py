"""A user's own list: from the stored scores when they suffice, else solved and scored on the spot.

Both ways give the same list. The stored one is its beginning, and what lies beyond is the on-the-spot list without
what is stored, so pages fit together whichever way each of them came.
"""

from collections.abc import Iterable, Iterator
from itertools import chain
from operator import add
from typing import Final, cast

import msgspec
import numpy as np
from msgspec import UNSET, Raw

from agents.users.user_state import UserState
from app.query.lists.context_filter import LARGEST_SCORE, Candidate, ContextFilter, Page, cut_page
from app.query.lists.item_cache import HIDDEN, UNDECIDED, ItemCache, ModelItems
from app.query.schema.answers import Item
from models.factorization.factor_model import FactorModel
from models.feedback.history import History
from models.inference.recommend import recommend, solve_histories
from models.numerics.scoring import TopN, score_videos

_FIRST_GUESS = 1_000
_NOTHING: Final[frozenset[int]] = frozenset()


def lacks_list(state: UserState, model: FactorModel, *, include_seen: bool) -> bool:
    """Tell, without solving, that the user has no list of their own.

    That is a user without history, or one for whom the agent found nothing to store under this very version.
    """
    stored_nothing = state.version == model.version and not len(state.top)
    return not len(state.history) or (stored_nothing and not include_seen)


def stored_page(
    state: UserState, model: FactorModel, context_filter: ContextFilter, item_cache: ItemCache
) -> Page | None:
    """Return the page if the stored list answers it, else None: of another version, or it ends too early.

    Cost: 15 us for a page of twenty whose videos `item_cache` remembers.
    """
    if not _is_usable(state, model, context_filter):
        return None
    page = _remembered_page(state, model, context_filter, item_cache.of(model))
    return page if page.complete else None


def _remembered_page(
    state: UserState, model: FactorModel, context_filter: ContextFilter, item_cache: ModelItems
) -> Page:
    """Return what `cut_page` would, with the items encoded: by row, without a look at the catalogue."""
    query = context_filter.query
    verdicts = item_cache.verdicts(context_filter)
    marks = verdicts.marks
    hidden = item_cache.hidden_rows(context_filter.hidden, model.index) if context_filter.hidden else _NOTHING
    least = -LARGEST_SCORE if query.min_score is UNSET else query.min_score
    end = query.offset + query.limit
    rows: list[int] = []
    scores: list[float] = []
    ends_here = False
    for row, score in state.stored_pairs():
        if not least <= score <= LARGEST_SCORE:
            if score < least:
                ends_here = True
                break
            continue
        mark = marks[row]
        if mark == HIDDEN or row in hidden or (mark == UNDECIDED and not verdicts.decide(row, context_filter)):
            continue
        rows.append(row)
        scores.append(score)
        if len(rows) == end:
            ends_here = True
            break
    texts = item_cache.texts(rows[query.offset :], context_filter)
    items = cast("list[Item]", _joined(texts, scores[query.offset :])) if texts else []
    return Page(items, ends_here)


def _joined(texts: Iterable[bytes], scores: list[float]) -> Raw:
    """Return the JSON of a list of items."""
    numbers = msgspec.json.encode(scores)[1:-1].split(b",")
    return Raw(b"[" + b"},".join(map(add, texts, numbers)) + b"}]")


def solved_page(state: UserState, model: FactorModel, context_filter: ContextFilter) -> Page | None:
    """Solve the user, score all videos and return the page; None when nothing in the history speaks for a video.

    Raises
    ------
    models.errors.SolveFailed
        The user's normal equations are not positive definite.
    """
    seen = context_filter.query.include_seen
    n = min(model.n_videos, max(_FIRST_GUESS, 2 * (context_filter.query.offset + context_filter.query.limit)))
    while True:
        (best,) = recommend(model, [state.history], n, include_seen=seen)
        if not len(best):
            return None
        page = cut_page(_spliced(state, model, best, context_filter), context_filter)
        if page.complete or n == model.n_videos:
            return page
        n = model.n_videos


def score_and_rank(history: History, model: FactorModel, row: int) -> tuple[float, int] | None:
    """Return a video's score for a user and its rank among all videos, 1 for the best, ties by row; None as above."""
    factors = solve_histories(model, [history])
    if not factors.any():
        return None
    scores = score_videos(factors, model.factors)[0]
    score = scores[row]
    above = int(np.count_nonzero(scores > score)) + int(np.count_nonzero(scores[:row] == score))
    return float(score), above + 1


def _is_usable(state: UserState, model: FactorModel, context_filter: ContextFilter) -> bool:
    return state.version == model.version and not context_filter.query.include_seen


def _spliced(state: UserState, model: FactorModel, best: TopN, context_filter: ContextFilter) -> Iterator[Candidate]:
    """Put the stored list before the rest of `best`: a batch may round scores otherwise and exchange neighbours."""
    if not _is_usable(state, model, context_filter):
        return _candidates(model, best)
    rest = ~np.isin(best.rows, state.top.rows)
    return chain(_candidates(model, state.top), _candidates(model, TopN(best.rows[rest], best.scores[rest])))


def _candidates(model: FactorModel, best: TopN) -> Iterator[Candidate]:
    return zip(map(model.video_ids.__getitem__, best.rows.tolist()), best.scores.tolist(), strict=True)
