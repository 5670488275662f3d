"""Every figure reaches its bar; a test's id names the data set and the figure."""

import numpy as np
import pytest

from tests.quality import reference
from tests.quality.answers import METRICS, popular
from tests.quality.bars import OVER_PEOPLE, OVER_SEEDS, POPULAR, SOLVER_ERROR, Bar
from tests.quality.figures import objective, over_people, over_recorded, solver_error
from tests.quality.folds import USED, folds

FIGURES = [pytest.param(name, figure, id=f"{name}-{figure}") for name, bars in OVER_PEOPLE.items() for figure in bars]
POPULAR_FIGURES = [pytest.param(name, metric, id=f"{name}-popular-{metric}") for name in USED for metric in METRICS]


def short(value: float, bar: Bar) -> str:
    return f"{value:.5f} is worse than {bar.bar:.5f}: measured {bar.measured} with a standard error of {bar.error}"


@pytest.mark.parametrize(("name", "figure"), FIGURES)
def test_what_people_get_is_as_good_as_it_was(name: str, figure: str) -> None:
    value, bar = over_people(name)[figure].value, OVER_PEOPLE[name][figure]
    assert bar.holds(value), short(value, bar)


@pytest.mark.parametrize("name", [pytest.param(name, id=f"{name}-ndcg@100-of-each-person") for name in USED])
def test_nobody_in_particular_gets_less_than_before(name: str) -> None:
    """The same people and questions as when they were recorded: only what the learner's start does is left."""
    value, bar = over_recorded(name), OVER_SEEDS[name]["ndcg@100-of-each-person"]
    assert bar.holds(value), short(value, bar)


@pytest.mark.parametrize("name", [pytest.param(name, id=f"{name}-objective") for name in USED])
def test_the_learner_gets_as_far_down_as_it_did(name: str) -> None:
    value, bar = objective(name), OVER_SEEDS[name]["objective"]
    assert bar.holds(value), short(value, bar)


@pytest.mark.parametrize("name", [pytest.param(name, id=f"{name}-solver-error") for name in USED])
def test_people_are_solved_as_the_objective_says(name: str) -> None:
    error = solver_error(name)
    assert error <= SOLVER_ERROR, f"the factors of somebody are {error:.1e} from those in float64"


@pytest.mark.parametrize(("name", "metric"), POPULAR_FIGURES)
def test_popularity_is_the_same_to_five_digits(name: str, metric: str) -> None:
    value = popular(name)[:, METRICS.index(metric)].mean()
    assert f"{value:.5f}" == f"{POPULAR[name][metric]:.5f}"


@pytest.mark.parametrize("name", [pytest.param(name, id=f"{name}-popular-of-each-person") for name in USED])
def test_popularity_is_what_counting_gives(name: str) -> None:
    counted = np.array([row for fold in folds(name) for row in reference.popular(fold)])
    np.testing.assert_allclose(popular(name), counted, rtol=1e-12)
