"""Answers for users whose state is at hand: one version is pinned, and the way to the list is chosen.

The way: the stored list if it suffices; else solving on the spot, in a thread, at most so many at one time; where
there is no room for that, the list that the previous version made; else what is popular.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import UNSET

from agents.users.user_state import UserState
from app.query.http.problems import NOTHING_TO_RECOMMEND, TOO_BUSY, Problem, problem_of
from app.query.lists.context_filter import ContextFilter
from app.query.lists.item_cache import ItemCache
from app.query.lists.paging import Page
from app.query.lists.popular import popular_page
from app.query.lists.recommendations import lacks_list, solved_page, stored_page
from app.query.lists.solver_threads import SolverThreads
from app.query.schema.answers import EmptyReason, RecommendationsAnswer, Source, as_of
from app.query.schema.requests import RecommendationQuery
from app.query.view import QueryView
from models.errors import ModelError
from models.factorization.factor_model import FactorModel
from models.names import GLOBAL_REGION


class PinnedRequest(NamedTuple):
    """One user's request with everything that it will use: one state, one model, one clock."""

    user_id: str | None
    state: UserState
    model: FactorModel | None
    context_filter: ContextFilter


class Recommender:
    """Answers from the view's collaborators; `threads` bound what is solved on the spot."""

    def __init__(self, view: QueryView, threads: SolverThreads) -> None:
        self._view = view
        self._threads = threads
        self._item_cache = ItemCache(view.catalogue)

    def pin(
        self, user_id: str | None, state: UserState, query: RecommendationQuery, model_region: str | None = None
    ) -> PinnedRequest:
        """Fix what a request will use; the model is that of the user's region, else of `model_region`."""
        self._view.on_request()
        region = state.history.region_name
        model = self._view.models.active(region or model_region)
        context_filter = ContextFilter.of(self._view.catalogue.get, query, region, self._view.now())
        return PinnedRequest(user_id, state, model, context_filter)

    async def answer(self, pinned: PinnedRequest) -> RecommendationsAnswer:
        """Return one user's list; raises `Problem`."""
        model = pinned.model
        if model is not None and (page := self._stored(pinned, model)) is not None:
            return self._answer(pinned, "nearline", page)
        if model is None or _lacks_list(pinned, model):
            return self._popular(pinned)
        try:
            page = await self._threads.run(solved_page, pinned.state, model, pinned.context_filter)
        except Problem as busy:
            return self._previous_or(busy, pinned)
        return self._popular(pinned) if page is None else self._answer(pinned, "nearline", page)

    async def answer_all(self, all_pinned: Sequence[PinnedRequest]) -> list[RecommendationsAnswer | Problem]:
        """Return several users' lists, a problem in place of one that failed; they share one thread."""
        pages: dict[int, Page | Problem | None] = {}
        unsolved: dict[int, tuple[PinnedRequest, FactorModel]] = {}
        for position, pinned in enumerate(all_pinned):
            model = pinned.model
            page = None if model is None else self._stored(pinned, model)
            if page is None and model is not None and not _lacks_list(pinned, model):
                unsolved[position] = pinned, model
            pages[position] = page
        if unsolved:
            pages.update(await self._solve_all(unsolved))
        return [self._listed(pinned, pages[position]) for position, pinned in enumerate(all_pinned)]

    def _stored(self, pinned: PinnedRequest, model: FactorModel) -> Page | None:
        return stored_page(pinned.state, model, pinned.context_filter, self._item_cache)

    async def _solve_all(
        self, unsolved: dict[int, tuple[PinnedRequest, FactorModel]]
    ) -> dict[int, Page | Problem | None]:
        try:
            solved = await self._threads.run(_solve_each, list(unsolved.values()))
        except Problem as busy:
            return dict.fromkeys(unsolved, busy)
        return dict(zip(unsolved, solved, strict=True))

    def _listed(self, pinned: PinnedRequest, page: Page | Problem | None) -> RecommendationsAnswer | Problem:
        try:
            if isinstance(page, Problem):
                return self._previous_or(page, pinned)
            return self._popular(pinned) if page is None else self._answer(pinned, "nearline", page)
        except Problem as nothing:
            return nothing

    def _previous_or(self, problem: Problem, pinned: PinnedRequest) -> RecommendationsAnswer:
        """Return the list that the previous version made, where there is no room to solve; else raise the problem."""
        region = pinned.state.history.region
        previous = self._view.models.previous(region.name if region else None)
        if problem.kind is not TOO_BUSY or previous is None:
            raise problem
        earlier = pinned._replace(model=previous)
        page = self._stored(earlier, previous)
        if page is None:
            raise problem
        return self._answer(earlier, "nearline", page)

    def _popular(self, pinned: PinnedRequest) -> RecommendationsAnswer:
        context_filter = pinned.context_filter
        if not context_filter.query.include_seen:
            context_filter = context_filter.without(pinned.state.history.seen())
        page = popular_page(self._view.popularity, self._view.settings.fallback_days, pinned.model, context_filter)
        if page is None:
            raise Problem(NOTHING_TO_RECOMMEND, "no model is active and no play or like was counted; try again")
        return self._answer(pinned, "popular", page)

    def _answer(self, pinned: PinnedRequest, source: Source, page: Page) -> RecommendationsAnswer:
        """Put an answer together, as the last thing: only then does the lease say whether it is fresh."""
        reason: EmptyReason = "end_of_list" if pinned.context_filter.query.offset else "filters"
        return RecommendationsAnswer(
            user_id=pinned.user_id,
            region=pinned.context_filter.region or GLOBAL_REGION,
            model_version=pinned.model.version if pinned.model else None,
            as_of=as_of(pinned.state),
            source=source,
            stale=pinned.user_id is not None and self._view.lease.lapsed,
            items=page.items,
            reason=UNSET if page.n_items else reason,
        )


def _lacks_list(pinned: PinnedRequest, model: FactorModel) -> bool:
    return lacks_list(pinned.state, model, include_seen=pinned.context_filter.query.include_seen)


def _solve_each(unsolved: Sequence[tuple[PinnedRequest, FactorModel]]) -> list[Page | Problem | None]:
    """Solve users one after the other; one user's failure is that user's alone."""
    pages: list[Page | Problem | None] = []
    for pinned, model in unsolved:
        try:
            pages.append(solved_page(pinned.state, model, pinned.context_filter))
        except ModelError as error:
            pages.append(problem_of(error))
    return pages
