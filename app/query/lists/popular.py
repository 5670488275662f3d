"""What a user without a list of their own gets: what is popular, never an empty answer without need."""

from collections.abc import Iterator, Sequence
from weakref import WeakKeyDictionary

from app.query.lists.catalogue_lookup import CatalogueLookup
from app.query.lists.context_filter import ContextFilter
from app.query.lists.paging import EMPTY_PAGE, Page, cut_page
from app.query.view import Popularity
from models.factorization.factor_model import FactorModel
from models.numerics.scoring import top_n

MAX_POPULAR = 1_000

Candidate = tuple[str, float]
"""A video id and its count."""

_all_time: WeakKeyDictionary[FactorModel, Sequence[Candidate]] = WeakKeyDictionary()


def popular_page(
    popularity: Popularity, days: int, model: FactorModel | None, context_filter: ContextFilter
) -> Page | None:
    """Return the page of the first list that has anything to show, None when no list has any video.

    The lists: the region's last `days` days, all time as the model counted it, the last days of all regions. Scores
    are the counts.
    """
    candidates: Sequence[Candidate] = ()
    for candidates in _lists(popularity, days, model, context_filter.region):
        if any(context_filter.shows(video_id) for video_id, _ in candidates):
            return cut_page(candidates, context_filter.query, CatalogueLookup(context_filter))
    return EMPTY_PAGE if candidates else None


def _lists(
    popularity: Popularity, days: int, model: FactorModel | None, region: str | None
) -> Iterator[Sequence[Candidate]]:
    """Return the lists that are not empty, lazily."""
    recent = popularity.top(region, days, MAX_POPULAR)
    all_time = [] if model is None else all_time_popular(model)
    yield from filter(None, (recent, all_time))
    if region is not None and (everywhere := popularity.top(None, days, MAX_POPULAR)):
        yield everywhere


def all_time_popular(model: FactorModel) -> Sequence[Candidate]:
    """Return the `MAX_POPULAR` videos with the most users, with their counts, ties by row; computed once a model."""
    if model not in _all_time:
        best = top_n(model.popularity, MAX_POPULAR)
        counts = zip(best.rows.tolist(), best.scores.tolist(), strict=True)
        _all_time[model] = [(model.video_ids[row], count) for row, count in counts if count > 0]
    return _all_time[model]
