"""A user's own list: from the stored scores when they suffice, else solved and scored on the spot.

Both ways give the same list. The stored one is its beginning, and what lies beyond is the on-the-spot list without
what is stored, so pages fit together whichever way each of them came.
"""

from collections.abc import Iterator
from itertools import chain

import numpy as np

from agents.users.user_state import UserState
from app.query.lists.catalogue_lookup import CatalogueLookup
from app.query.lists.context_filter import ContextFilter
from app.query.lists.item_cache import ItemCache
from app.query.lists.paging import Page, cut_page
from models.factorization.factor_model import FactorModel
from models.feedback.history import History
from models.inference.recommend import recommend, solve_histories
from models.numerics.scoring import TopN, score_videos

_FIRST_GUESS = 1_000


def lacks_list(state: UserState, model: FactorModel, *, include_seen: bool) -> bool:
    """Tell, without solving, that the user has no list of their own.

    Such a user has no history, or the agent found nothing to store for them with this very model.
    """
    stored_nothing = state.is_of(model) and not state.top_rows
    return not len(state.history) or (stored_nothing and not include_seen)


def stored_page(
    state: UserState, model: FactorModel, context_filter: ContextFilter, item_cache: ItemCache
) -> Page | None:
    """Return the page if the stored list answers it, else None: of another model, or it ends too early.

    Cost: 15 us for a page of twenty whose videos `item_cache` remembers.
    """
    if not _is_usable(state, model, context_filter):
        return None
    lookup = item_cache.of(model).lookup(context_filter)
    try:
        page = cut_page(state.stored_pairs(), context_filter.query, lookup)
    except IndexError:  # a row of none of the model's videos: it is not what a worker wrote
        return None
    return page if page.complete else None


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
        candidates = _spliced(state, model, best, context_filter)
        page = cut_page(candidates, context_filter.query, CatalogueLookup(context_filter))
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
    return state.is_of(model) and not context_filter.query.include_seen


def _spliced(
    state: UserState, model: FactorModel, best: TopN, context_filter: ContextFilter
) -> Iterator[tuple[str, float]]:
    """Put the stored list before the rest of `best`: a batch may round scores otherwise and exchange neighbours."""
    stored = state.top.rows
    is_list = len(stored) and stored.min() >= 0 and stored.max() < model.n_videos
    if not (is_list and _is_usable(state, model, context_filter)):
        return _candidates(model, best)
    rest = ~np.isin(best.rows, stored)
    return chain(_candidates(model, state.top), _candidates(model, TopN(best.rows[rest], best.scores[rest])))


def _candidates(model: FactorModel, best: TopN) -> Iterator[tuple[str, float]]:
    return zip(map(model.video_ids.__getitem__, best.rows.tolist()), best.scores.tolist(), strict=True)
