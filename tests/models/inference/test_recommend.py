import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.factorization.factor_model import FactorModel
from models.factorization.model_description import ModelDescription
from models.feedback.history import EMPTY_HISTORY, History
from models.inference.recommend import recommend, solve_and_recommend, solve_histories
from models.numerics.scoring import TopN
from tests.support.histories import history_of

N_VIDEOS = 300


def a_model(n_factors: int = 8) -> FactorModel:
    factors = np.random.default_rng(0).normal(0.1, 0.3, (N_VIDEOS, n_factors))
    return FactorModel.build(
        region="us",
        version="v1",
        video_ids=[f"v{row}" for row in range(N_VIDEOS)],
        factors=factors,
        popularity=np.ones(N_VIDEOS),
        description=ModelDescription(),
    )


MODEL = a_model()
deeds = st.tuples(
    st.sampled_from(["play", "rate", "view", "list_add", "dismiss"]),
    st.integers(0, N_VIDEOS + 20).map(lambda row: f"v{row}"),
    st.sampled_from([0.5, 4.5]),
)
histories = st.lists(deeds, max_size=15).map(lambda some: history_of(*some))


def same(one: TopN, other: TopN) -> bool:
    return np.array_equal(one.rows, other.rows) and np.array_equal(one.scores, other.scores)


def test_user_factors_and_scores_from_the_formulas() -> None:
    history = history_of(("play", "v3", 1200), ("play", "v7", 600), ("rate", "v9", 5))
    v, s = MODEL.factors.astype(float)[[3, 7, 9]], np.array([1.0, 0.5, 1.0])
    all_videos = MODEL.factors.astype(float)
    ridge = 0.01 * (3 + 0.2 * N_VIDEOS)
    matrix = (v.T * s) @ v + 0.2 * all_videos.T @ all_videos + ridge * np.eye(8)
    expected = np.linalg.solve(matrix, s @ v)
    user_factors, (top,) = solve_and_recommend(MODEL, [history], N_VIDEOS)
    assert np.allclose(user_factors[0], expected, rtol=1e-4)
    scores = all_videos @ expected
    order = [row for row in np.argsort(-scores) if row not in {3, 7, 9}]
    assert top.rows.tolist() == order
    assert np.allclose(top.scores, scores[order], atol=1e-6)


@given(st.lists(histories, max_size=8), st.integers(1, 40), st.booleans())
def test_a_batch_gives_what_single_users_give(users: list[History], n: int, include_seen: bool) -> None:
    factors, tops = solve_and_recommend(MODEL, users, n, include_seen=include_seen)
    assert factors.shape == (len(users), 8)
    assert np.array_equal(factors, solve_histories(MODEL, users))
    for user, (history, top) in enumerate(zip(users, tops, strict=True)):
        assert np.array_equal(solve_histories(MODEL, [history])[0], factors[user])
        assert same(recommend(MODEL, [history], n, include_seen=include_seen)[0], top)


@given(histories)
def test_seen_videos_are_left_out_unless_asked_for(history: History) -> None:
    (unseen,), (every,) = recommend(MODEL, [history], 400), recommend(MODEL, [history], 400, include_seen=True)
    seen = {MODEL.index[video] for video in history.seen() if video in MODEL.index}
    assert set(unseen.rows.tolist()) == set(every.rows.tolist()) - seen
    assert len(every) in {0, N_VIDEOS}
    kept = np.isin(every.rows, unseen.rows)
    assert same(unseen, TopN(every.rows[kept], every.scores[kept]))


@pytest.mark.parametrize(
    "history",
    [EMPTY_HISTORY, history_of(("dismiss", "v1", 0)), history_of(("play", "of another region", 9))],
    ids=["empty", "only a veto", "only unknown videos"],
)
def test_a_user_without_confidences_gets_zeros_and_an_empty_list(history: History) -> None:
    known = history_of(("play", "v1", 1200))
    factors, tops = solve_and_recommend(MODEL, [known, history, known], 5)
    assert not factors[1].any()
    assert [len(top) for top in tops] == [5, 0, 5]
    assert same(tops[0], tops[2])


def test_blocks_change_nothing() -> None:
    users = [history_of(("play", f"v{row}", 1200), ("rate", f"v{row + 9}", 5)) for row in range(23)]
    whole = recommend(MODEL, users * 10, 10)
    parts = [recommend(MODEL, users[:size], 10) for size in (1, 5, 23)]
    for part in parts:
        assert all(same(one, other) for one, other in zip(part, whole[: len(part)], strict=True))
    assert all(same(one, other) for one, other in zip(whole[-23:], parts[-1], strict=True))


def test_no_users() -> None:
    assert recommend(MODEL, [], 5) == []
    assert solve_histories(MODEL, []).shape == (0, 8)
