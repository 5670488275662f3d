"""The metrics of real lists are those of `ir_measures`, and the folds are what they say."""

import ir_measures
import numpy as np
import pytest
from ir_measures import R, nDCG

from models.evaluation.ranking_metrics import ndcg_at_k, recall_at_k
from tests.quality.answers import lists_of, nearline, ranks_in, user_ids
from tests.quality.folds import DISLIKE, LIKE, USED, folds
from tests.quality.learned import learned

NAMES = list(USED)


@pytest.mark.parametrize("name", NAMES)
def test_recall_and_ndcg_are_those_of_ir_measures(name: str) -> None:
    fold = folds(name)[0]
    lists = lists_of(fold, learned(name, 0))
    run = {
        person.user_id: {video: float(-place) for place, video in enumerate(found)}
        for person, found in zip(fold.people, lists, strict=True)
        if found  # who has no list stands in no run, and finds nothing
    }
    truth = {person.user_id: dict.fromkeys(person.liked, 1) for person in fold.people}
    expected = {(one.query_id, str(one.measure)): one.value for one in measured(truth, run)}
    for person, found in zip(fold.people, lists, strict=True):
        ranks, user = ranks_in(found, person.liked), person.user_id
        assert ndcg_at_k(ranks, 100) == pytest.approx(expected.get((user, "nDCG@100"), 0.0), rel=1e-9)
        for k in (20, 50):
            # theirs is divided by all that is liked, ours by what a list of k can hold of it
            theirs = expected.get((user, f"R@{k}"), 0.0) * len(person.liked) / min(len(person.liked), k)
            assert recall_at_k(ranks, k) == pytest.approx(theirs, rel=1e-9)


def measured(truth: dict[str, dict[str, int]], run: dict[str, dict[str, float]]) -> list[ir_measures.Metric]:
    return list(ir_measures.iter_calc([nDCG @ 100, R @ 20, R @ 50], truth, run))


@pytest.mark.parametrize("name", NAMES)
def test_the_figures_are_those_of_the_lists(name: str) -> None:
    fold = folds(name)[0]
    lists = lists_of(fold, learned(name, 0))
    ranks = [ranks_in(found, person.liked) for found, person in zip(lists, fold.people, strict=True)]
    expected = [[recall_at_k(one, 20), recall_at_k(one, 50), ndcg_at_k(one, 100)] for one in ranks]
    assert np.array_equal(nearline(name).metrics[: len(ranks)], expected)


@pytest.mark.parametrize("name", NAMES)
def test_nobody_is_learned_from_and_asked(name: str) -> None:
    for fold in folds(name):
        assert fold.people
        for person in fold.people:
            assert person.user_id not in fold.learned_from
            assert person.user_id not in fold.population.histories
            assert not {*person.liked, *person.disliked} & person.known.keys()
            assert set(person.history.videos) == set(person.known)
            assert fold.likes.keys() >= {*person.liked, *person.disliked}
    assert len(set(user_ids(name))) == len(user_ids(name))


@pytest.mark.parametrize("name", NAMES)
def test_histories_say_what_the_ratings_say(name: str) -> None:
    fold = folds(name)[0]
    assert fold.population.histories.keys() == fold.learned_from.keys()
    for user, stars in fold.learned_from.items():
        history = fold.population.histories[user]
        assert dict(zip(history.videos, history.facts["value"].tolist(), strict=True)) == stars
    counts = dict.fromkeys(fold.likes, 0)
    for stars in fold.learned_from.values():
        for video, star in stars.items():
            if star >= LIKE and video in counts:
                counts[video] += 1
    assert counts == fold.likes
    assert LIKE > DISLIKE
