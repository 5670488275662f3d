from datetime import UTC, datetime

import pytest

from app.offline.data.histories import Population
from app.offline.data.splits import split_by_time
from app.offline.training.configuration import TrainingConfiguration
from app.offline.training.evaluate import evaluate
from app.offline.training.train import learn
from models.evaluation.prequential import RANKINGS
from models.factorization.als import AlsLearner
from models.factorization.hyperparameters import AlsHyperparameters, Stopping
from tests.support.tastes import two_tastes

HYPERPARAMETERS = AlsHyperparameters(n_factors=4, regularization=0.003, unobserved_weight=0.1)
CONFIGURATION = TrainingConfiguration(learner=AlsLearner(HYPERPARAMETERS), stopping=Stopping(iterations=5))


def test_the_numbers_have_the_names_that_scripts_read() -> None:
    earlier, later = split_by_time(two_tastes(users=30, videos=15), 0.9)
    before = Population(100).add(earlier)
    model = learn(before.histories, CONFIGURATION, datetime(2026, 1, 1, tzinfo=UTC))
    found = evaluate(model, before, later)
    assert tuple(found["recall_at_20"]) == tuple(found["ndcg_at_20"]) == RANKINGS
    assert found["questions"] == len(later)
    assert found["recall_at_20"]["nearline"] == pytest.approx(1.0)  # a user's own taste has at most 15 videos


def test_without_questions_there_are_no_means() -> None:
    before = Population(100).add(two_tastes())
    model = learn(before.histories, CONFIGURATION, datetime(2026, 1, 1, tzinfo=UTC))
    assert evaluate(model, before, []) == {"recall_at_20": None, "ndcg_at_20": None, "questions": 0}
