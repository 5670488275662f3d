import pytest

from app.offline.training.configuration import TrainingConfiguration
from app.offline.training.options import TRAINING_OPTIONS
from models.errors import ParameterInvalid
from models.factorization.als import AlsLearner
from models.factorization.hyperparameters import AlsHyperparameters, Stopping

DEFAULTS = {
    "factors": 64,
    "regularization": 0.01,
    "unobserved_weight": 0.2,
    "frequency_exponent": 1.0,
    "seed": 0,
    "iterations": 8,
    "min_users_per_video": 3,
}


def test_the_options_and_their_defaults() -> None:
    assert {one.option: one.default for one in TRAINING_OPTIONS} == DEFAULTS
    assert all(type(one.default) is one.kind for one in TRAINING_OPTIONS)


def test_no_option_is_that_of_two_parameters() -> None:
    assert len({one.option for one in TRAINING_OPTIONS}) == len(TRAINING_OPTIONS)


def test_nothing_chosen_is_the_default_configuration() -> None:
    plain = TrainingConfiguration()
    assert TrainingConfiguration.of_options("global", 500, {}) == plain
    assert TrainingConfiguration.of_options("global", 500, DEFAULTS) == plain


def test_each_option_reaches_what_it_is_for() -> None:
    chosen = {"factors": 4, "regularization": 0.5, "unobserved_weight": 0.25, "frequency_exponent": 0.75, "seed": 9} | {
        "iterations": 3,
        "min_users_per_video": 2,
    }
    found = TrainingConfiguration.of_options("us", 10, chosen)
    assert found.learner == AlsLearner(
        AlsHyperparameters(n_factors=4, regularization=0.5, unobserved_weight=0.25, frequency_exponent=0.75, seed=9)
    )
    assert (found.region, found.history_limit, found.stopping) == ("us", 10, Stopping(iterations=3))
    assert found.selection.min_users_per_video == 2


def test_the_manifest_has_all_under_the_names_that_the_first_versions_have() -> None:
    assert TrainingConfiguration(region="us").hyperparameters == {
        "learner": "AlsLearner",
        "n_factors": 64,
        "regularization": 0.01,
        "unobserved_weight": 0.2,
        "frequency_exponent": 1.0,
        "iterations": 8,
        "seed": 0,
        "min_users_per_video": 3,
        "history_limit": 500,
    }


@pytest.mark.parametrize("option", [one.option for one in TRAINING_OPTIONS])
def test_a_value_out_of_range_is_refused(option: str) -> None:
    with pytest.raises(ParameterInvalid):
        TrainingConfiguration.of_options("us", 10, {option: -1})
