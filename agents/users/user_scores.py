"""Solving and scoring users against the model that serves each of them: after events, and after a swap."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from agents.users.metrics import UserMetrics
from agents.users.user_state import UserState
from models.errors import ModelError
from models.factorization.factor_model import FactorModel
from models.feedback.history import History
from models.inference.recommend import recommend
from models.numerics.scoring import TopN

_log = logging.getLogger(__name__)
At = TypeVar("At")


class UserScores:
    """Makes the stored lists.

    Parameters
    ----------
    active_model : the model of a region, or None.
    stored_scores : videos in a stored list.
    metrics : counts who could not be solved.
    """

    def __init__(
        self, active_model: Callable[[str | None], FactorModel | None], stored_scores: int, metrics: UserMetrics
    ) -> None:
        self._active_model = active_model
        self._stored_scores = stored_scores
        self._metrics = metrics

    def score(self, states: Mapping[At, UserState]) -> dict[At, UserState]:
        """Return the states with the lists of the active models, one version for each region in a call.

        A state whose region has no model, or whose model cannot solve it, comes back without a new list.
        """
        scored: dict[At, UserState] = {}
        models: dict[str | None, FactorModel | None] = {}
        by_model: dict[int, tuple[FactorModel, list[At]]] = {}
        for at, state in states.items():
            region = state.history.region_name
            if region not in models:
                models[region] = self._active_model(region)
            model = models[region]
            if model is None:
                scored[at] = state
            else:
                by_model.setdefault(id(model), (model, []))[1].append(at)
        for model, users in by_model.values():
            tops = self._tops(model, [states[at].history for at in users])
            for at, top in zip(users, tops, strict=True):
                scored[at] = states[at] if top is None else states[at].scored(model.id, top)
        return scored

    def _tops(self, model: FactorModel, histories: Sequence[History]) -> list[TopN | None]:
        """Return the users' lists; one that cannot be made costs nobody else theirs."""
        try:
            return [*recommend(model, histories, self._stored_scores)]
        except ModelError as error:
            if len(histories) > 1:
                return [top for one in histories for top in self._tops(model, [one])]
            # the history counts; a query solves on the spot, or says why it cannot
            self._metrics.solves_failed.inc()
            _log.error("model %s does not solve a user: %s", model.version, error)
            return [None]
