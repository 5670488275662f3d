"""The canary's limits: a candidate like the active version may serve, and each way of being far from it is named."""

import re
from dataclasses import replace as replace_model
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from models.evaluation.canary import CanaryLimits, objections
from models.evaluation.list_comparison import Comparison, Pair, compare
from models.factorization.als import AlsLearner
from models.factorization.description import ModelDescription
from models.factorization.factor_model import FactorModel
from models.factorization.hyperparameters import AlsHyperparameters, Stopping
from models.feedback.history import EMPTY_HISTORY, History
from models.feedback.interactions import Interactions
from models.feedback.strengths import StrengthRule
from tests.app.offline.tastes import two_tastes

SAME = Comparison(
    users=100,
    overlap=1.0,
    rank_biased_overlap=1.0,
    score_drift=0.0,
    coverage=Pair(0.5, 0.5),
    popularity_share=Pair(0.2, 0.2),
    nothing_to_show=Pair(0.1, 0.1),
    held_out_rank=Pair(0.1, 0.1),
)
LIMITS = CanaryLimits(
    min_overlap=0.3,
    max_score_drift=0.5,
    min_coverage_ratio=0.4,
    max_popularity_rise=0.2,
    max_nothing_rise=0.05,
    max_held_out_rise=0.1,
)


def test_a_candidate_like_the_active_version_may_serve() -> None:
    assert objections(SAME, LIMITS) == []
    assert objections(replace(SAME, held_out_rank=None), LIMITS) == []


@pytest.mark.parametrize(
    ("change", "within", "beyond", "words"),
    [
        ("overlap", 0.3, 0.29, "lists overlap by 0.290, below 0.3"),
        ("score_drift", 0.5, 0.51, "scores drift by +0.51, beyond 0.5"),
        ("score_drift", -0.5, -0.51, "scores drift by -0.51, beyond 0.5"),
        ("coverage", Pair(0.5, 0.2), Pair(0.5, 0.19), "coverage falls from 0.500 to 0.190, below 0.4 of it"),
        ("popularity_share", Pair(0.25, 0.45), Pair(0.25, 0.5), "popular videos rises from 0.250 to 0.500"),
        ("nothing_to_show", Pair(0.0, 0.05), Pair(0.0, 0.06), "users with nothing rises from 0.000 to 0.060"),
        ("held_out_rank", Pair(0.0, 0.1), Pair(0.0, 0.11), "watched last rises from 0.000 to 0.110"),
    ],
)
def test_each_limit_holds_up_to_its_value_and_names_both_figures(
    change: str, within: Any, beyond: Any, words: str
) -> None:
    assert objections(replace(SAME, **{change: within}), LIMITS) == []
    (found,) = objections(replace(SAME, **{change: beyond}), LIMITS)
    assert re.search(re.escape(words), found)


@given(st.floats(0, 1), st.floats(0, 1))
def test_what_gets_better_is_never_refused(before: float, after: float) -> None:
    worse, better = max(before, after), min(before, after)
    improved = replace(
        SAME,
        nothing_to_show=Pair(worse, better),
        held_out_rank=Pair(worse, better),
        popularity_share=Pair(worse, better),
        coverage=Pair(better, worse),
    )
    assert objections(improved, LIMITS) == []


def learned() -> tuple[FactorModel, list[History]]:
    """A version that was learned from people of two tastes, and these people."""
    events = list(two_tastes(users=80, videos=30))
    people = sorted({event.user_id for event in events})
    histories = [EMPTY_HISTORY.apply([event for event in events if event.user_id == person], 500) for person in people]
    rule = StrengthRule()
    interactions = Interactions.from_histories(people, histories, rule, min_users_per_video=1)
    learner = AlsLearner(AlsHyperparameters(n_factors=8, regularization=0.05, unobserved_weight=0.1))
    model = FactorModel.build(
        region="global",
        version="learned",
        video_ids=interactions.video_ids,
        factors=learner.learn(interactions, stopping=Stopping(iterations=8)).video_factors,
        popularity=interactions.popularity(),
        description=ModelDescription(strengths=rule, solver=learner.solver),
    )
    return model, histories


def test_shuffled_rows_are_refused_and_turned_factors_are_not() -> None:
    model, histories = learned()
    order = np.random.default_rng(3).permutation(model.n_videos)
    shuffled = replace_model(model, version="shuffled", factors=np.ascontiguousarray(model.factors[order]))
    turn = np.linalg.qr(np.random.default_rng(4).normal(size=(model.n_factors,) * 2))[0]
    turned = FactorModel.build(
        region="global",
        version="turned",
        video_ids=model.video_ids,
        factors=model.factors @ turn,
        popularity=model.popularity,
        description=model.description,
    )
    found = objections(compare(model, shuffled, histories, 5), CanaryLimits())
    assert any("watched last rises" in sentence for sentence in found)
    same = compare(model, turned, histories, 5)
    assert objections(same, CanaryLimits()) == []
    assert same.held_out_rank is not None
    assert abs(same.held_out_rank.active - same.held_out_rank.candidate) < 0.02
