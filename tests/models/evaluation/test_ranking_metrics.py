import math
from typing import Any

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.evaluation.ranking_metrics import NEVER, ndcg_at_k, pessimistic_ranks, recall_at_k

some_ranks = st.lists(st.integers(0, 60), min_size=1, max_size=12, unique=True)
cutoffs = st.integers(1, 40)


@pytest.mark.parametrize(
    ("ranks", "k", "recall", "ndcg"),
    [
        ([0], 1, 1.0, 1.0),
        ([0], 10, 1.0, 1.0),
        ([1], 1, 0.0, 0.0),
        ([1], 2, 1.0, 1 / math.log2(3)),
        ([2], 3, 1.0, 0.5),
        ([2], 2, 0.0, 0.0),
        ([6], 10, 1.0, 1 / 3),
        ([9], 10, 1.0, 1 / math.log2(11)),
        ([10], 10, 0.0, 0.0),
        ([0, 1], 2, 1.0, 1.0),
        ([1, 0], 2, 1.0, 1.0),
        ([0, 2], 3, 1.0, 1.5 / (1 + 1 / math.log2(3))),
        ([0, 5], 3, 0.5, 1 / (1 + 1 / math.log2(3))),
        # three relevant, room for two: two hits are perfect recall, and perfect nDCG only from the top
        ([0, 1, 50], 2, 1.0, 1.0),
        ([0, 2, 50], 2, 0.5, 1 / (1 + 1 / math.log2(3))),
        ([50, 60, 70], 10, 0.0, 0.0),
        ([0, NEVER], 5, 0.5, 1 / (1 + 1 / math.log2(3))),
    ],
)
def test_by_hand(ranks: list[int], k: int, recall: float, ndcg: float) -> None:
    assert recall_at_k(ranks, k) == pytest.approx(recall, rel=1e-12)
    assert ndcg_at_k(ranks, k) == pytest.approx(ndcg, rel=1e-12)


@given(ranks=some_ranks, k=cutoffs)
def test_values_are_between_0_and_1_and_0_together(ranks: list[int], k: int) -> None:
    recall, ndcg = recall_at_k(ranks, k), ndcg_at_k(ranks, k)
    assert 0 <= recall <= 1
    assert 0 <= ndcg <= 1 + 1e-12
    assert (recall == 0) == (ndcg == 0) == (min(ranks) >= k)


@given(n_relevant=st.integers(1, 30), k=cutoffs)
def test_the_perfect_list_gets_1(n_relevant: int, k: int) -> None:
    assert recall_at_k(range(n_relevant), k) == 1.0
    assert ndcg_at_k(range(n_relevant), k) == 1.0


@given(ranks=some_ranks, k=cutoffs, data=st.data())
def test_moving_a_video_up_never_costs(ranks: list[int], k: int, data: st.DataObject) -> None:
    mover = data.draw(st.integers(0, len(ranks) - 1))
    free = [rank for rank in range(ranks[mover]) if rank not in ranks]
    if free:
        better = [*ranks[:mover], data.draw(st.sampled_from(free)), *ranks[mover + 1 :]]
        assert recall_at_k(better, k) >= recall_at_k(ranks, k)
        assert ndcg_at_k(better, k) >= ndcg_at_k(ranks, k) - 1e-12


@given(ranks=some_ranks, k=cutoffs, seed=st.randoms())
def test_the_order_of_the_ranks_does_not_matter(ranks: list[int], k: int, seed: Any) -> None:
    shuffled = list(ranks)
    seed.shuffle(shuffled)
    assert recall_at_k(shuffled, k) == recall_at_k(ranks, k)
    assert ndcg_at_k(shuffled, k) == ndcg_at_k(ranks, k)


@given(rank=st.integers(0, 60), k=cutoffs)
def test_one_relevant_video_gives_hit_rate_and_discount(rank: int, k: int) -> None:
    assert recall_at_k([rank], k) == float(rank < k)
    assert ndcg_at_k([rank], k) == (1 / math.log2(rank + 2) if rank < k else 0)


@given(ranks=some_ranks, k=cutoffs)
def test_recall_does_not_fall_with_k_once_all_relevant_videos_fit(ranks: list[int], k: int) -> None:
    if k >= len(ranks):
        assert recall_at_k(ranks, k + 1) >= recall_at_k(ranks, k)


@pytest.mark.parametrize("metric", [recall_at_k, ndcg_at_k])
@pytest.mark.parametrize(("ranks", "k"), [([], 5), ([-1], 5), ([0], 0)])
def test_what_is_not_defined_is_refused(metric: Any, ranks: list[int], k: int) -> None:
    with pytest.raises(ValueError, match=r"no relevant video|ranks count from 0"):
        metric(ranks, k)


def test_ranks_by_hand() -> None:
    scores = np.array([0.3, 0.9, 0.1, 0.5, 0.7])
    assert pessimistic_ranks(scores, [1, 2, 3]).tolist() == [0, 4, 2]
    assert pessimistic_ranks(scores, 4).tolist() == [1]
    assert pessimistic_ranks(scores, [2, 3, 1], excluded=[4, 1]).tolist() == [2, 0, NEVER]


@pytest.mark.parametrize("n_videos", [1, 2, 10])
def test_a_tie_never_counts_as_a_hit(n_videos: int) -> None:
    constant = np.ones(n_videos)
    assert pessimistic_ranks(constant, [0]).tolist() == [n_videos - 1]
    assert pessimistic_ranks(np.array([5.0, 1, 5, 0]), [0]).tolist() == [1]
    assert pessimistic_ranks(np.array([5.0, 1, 5, 0]), [0], excluded=[2]).tolist() == [0]
    # two relevant videos with one score: each ranks below the other
    assert pessimistic_ranks(np.array([5.0, 5, 0]), [0, 1]).tolist() == [1, 1]


@given(
    scores=st.lists(st.integers(-3, 3), min_size=1, max_size=30),
    data=st.data(),
)
def test_rank_is_the_number_of_other_candidates_at_least_as_high(scores: list[int], data: st.DataObject) -> None:
    rows = st.integers(0, len(scores) - 1)
    relevant = data.draw(st.lists(rows, min_size=1, unique=True))
    excluded = data.draw(st.sets(rows).map(lambda gone: gone - set(relevant)))
    expected = [
        sum(other != row and other not in excluded and score >= scores[row] for other, score in enumerate(scores))
        for row in relevant
    ]
    found = pessimistic_ranks(np.array(scores, np.float32), relevant, np.array(sorted(excluded), np.int32))
    assert found.tolist() == expected


def test_scores_that_cannot_be_ranked_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN"):
        pessimistic_ranks(np.array([1.0, np.nan]), [0])
    with pytest.raises(ValueError, match="more than once"):
        pessimistic_ranks(np.array([1.0, 2.0]), [0, 0])
    assert pessimistic_ranks(np.array([-np.inf, 0.0, np.inf]), [0, 1, 2]).tolist() == [2, 1, 0]


def trec(scores: NDArray[np.float64], relevant: list[int], k: int) -> dict[str, float]:
    """What trec_eval says: recall there is divided by R, success is whether anything was hit."""
    evaluator = pytrec_eval.RelevanceEvaluator(
        {"u": {f"v{row}": 1 for row in relevant}}, {f"ndcg_cut.{k}", f"recall.{k}", f"success.{k}"}
    )
    result: dict[str, float] = evaluator.evaluate({"u": {f"v{row}": float(s) for row, s in enumerate(scores)}})["u"]
    return result


@given(
    seed=st.integers(0, 2**20), n_videos=st.integers(5, 80), n_relevant=st.integers(1, 5), k=st.sampled_from([1, 5, 10])
)
def test_trec_eval_agrees_where_there_are_no_ties(seed: int, n_videos: int, n_relevant: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.permutation(n_videos).astype(np.float64)
    relevant = rng.choice(n_videos, n_relevant, replace=False).tolist()
    oracle = trec(scores, relevant, k)
    ranks = pessimistic_ranks(scores, relevant)
    assert ndcg_at_k(ranks, k) == pytest.approx(oracle[f"ndcg_cut_{k}"], abs=1e-12)
    assert recall_at_k(ranks, k) * min(n_relevant, k) / n_relevant == pytest.approx(oracle[f"recall_{k}"], abs=1e-12)
    assert (recall_at_k(ranks, k) > 0) == bool(oracle[f"success_{k}"])
