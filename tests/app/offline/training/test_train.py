from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from app.offline.data.histories import Population
from app.offline.training.configuration import TrainingConfiguration
from app.offline.training.train import learn, train
from app.publishing.model_store import ModelStore
from models.artifacts.artifact import read_artifact, read_metrics
from models.artifacts.artifact_files import ArtifactLimits
from models.errors import LearningFailed
from models.factorization.als import AlsLearner
from models.factorization.hyperparameters import AlsHyperparameters, Stopping
from models.feedback.history import EMPTY_HISTORY
from models.inference.recommend import recommend
from tests.support.tastes import two_tastes

CREATED = datetime(2026, 11, 23, 10, tzinfo=UTC)
LEARNER = AlsLearner(AlsHyperparameters(n_factors=2, regularization=0.01, unobserved_weight=0.2))
TWO_FACTORS = TrainingConfiguration(learner=LEARNER, stopping=Stopping(iterations=5))
LIMITS = ArtifactLimits(max_videos=100, max_factors=10, max_bytes=100_000)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(str(tmp_path / "store"))


def test_a_new_user_with_one_like_gets_the_rest_of_that_taste(store: ModelStore) -> None:
    manifest, _ = train(two_tastes(), TWO_FACTORS, store, CREATED, code_version="test")
    model = read_artifact(store, "global", manifest.version, digest=None, limits=LIMITS)
    for taste in "xy":
        liked = next(event for event in two_tastes() if event.video_id == f"{taste}3")
        (best,) = recommend(model, [EMPTY_HISTORY.apply([liked], 10)], 7)
        assert {model.video_ids[row] for row in best.rows} == {f"{taste}{number}" for number in (0, 1, 2, 4, 5, 6, 7)}


def test_the_version_is_the_same_for_the_same_events_in_any_order(store: ModelStore) -> None:
    first, _ = train(two_tastes(), TWO_FACTORS, store, CREATED, code_version="test")
    events = list(two_tastes())
    again, _ = train(
        [*reversed(events), *events[:9]], TWO_FACTORS, ModelStore(f"{store.url}2"), CREATED, code_version="test"
    )
    assert again.version == first.version
    assert again.files["factors.safetensors"] == first.files["factors.safetensors"]


def test_the_manifest_tells_where_the_version_comes_from(store: ModelStore) -> None:
    first, _ = train(two_tastes(), TWO_FACTORS, store, CREATED, code_version="1+abc")
    later = msgspec.structs.replace
    assert first.code_version == "1+abc"
    assert first.previous_version is None
    assert first.hyperparameters["learner"] == "AlsLearner"
    assert first.hyperparameters["regularization"] == 0.01
    assert first.hyperparameters["min_users_per_video"] == 3
    assert first.data_window["events"] == 84
    assert first.data_window["users"] == 12
    assert first.data_window["first"] < first.data_window["last"]
    events = [later(event, user_id=f"{event.user_id}b") for event in two_tastes()]
    second, _ = train(
        [*two_tastes(), *events], TWO_FACTORS, store, datetime(2026, 11, 24, tzinfo=UTC), code_version="1"
    )
    assert second.previous_version == first.version


def test_holdout_measures_and_then_learns_from_all(store: ModelStore) -> None:
    manifest, metrics = train(two_tastes(), TWO_FACTORS, store, CREATED, code_version="test", holdout=0.25)
    assert metrics["questions"] > 0
    assert metrics["recall_at_20"]["nearline"] == 1.0  # there are fewer than 20 candidates
    assert metrics["ndcg_at_20"]["nearline"] > metrics["ndcg_at_20"]["popular"]
    assert read_metrics(store, manifest) == metrics
    plain, _ = train(two_tastes(), TWO_FACTORS, ModelStore(f"{store.url}2"), CREATED, code_version="test")
    assert plain.version == manifest.version


def test_what_is_not_accepted_is_not_stored(store: ModelStore) -> None:
    told: list[object] = []

    def refuse(metrics: object) -> None:
        told.append(metrics)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        train(two_tastes(), TWO_FACTORS, store, CREATED, code_version="test", holdout=0.25, accept=refuse)
    assert store.regions() == []
    _, metrics = train(two_tastes(), TWO_FACTORS, store, CREATED, code_version="test", holdout=0.25, accept=told.append)
    assert told == [metrics, metrics]


def test_the_parent_is_the_one_that_is_named(store: ModelStore) -> None:
    train(two_tastes(), TWO_FACTORS, store, CREATED, code_version="test")
    later = datetime(2026, 11, 24, tzinfo=UTC)
    manifest, _ = train(two_tastes(), TWO_FACTORS, store, later, code_version="test", previous_version="v1")
    assert manifest.previous_version == "v1"


def test_a_region_learns_from_its_own_users(store: ModelStore) -> None:
    events = [
        msgspec.structs.replace(event, region="fr" if event.video_id.startswith("x") else "us")
        for event in two_tastes()
    ]
    manifest, _ = train(events, replace(TWO_FACTORS, region="fr"), store, CREATED, code_version="test")
    model = read_artifact(store, "fr", manifest.version, digest=None, limits=LIMITS)
    assert {video[0] for video in model.video_ids} == {"x"}


def test_nothing_to_learn_from_says_what_to_do() -> None:
    histories = Population(10).add(list(two_tastes())[:1]).histories
    with pytest.raises(LearningFailed, match="of 1 users, no 3 like the same video"):
        learn(histories, TWO_FACTORS, CREATED)


def test_listeners_hear_each_iteration(store: ModelStore) -> None:
    told: list[tuple[int, float]] = []
    train(
        two_tastes(),
        TWO_FACTORS,
        store,
        CREATED,
        code_version="t",
        listeners=[lambda iteration: told.append((iteration.number, iteration.objective))],
    )
    assert [number for number, _ in told] == [1, 2, 3, 4, 5]
    assert [value for _, value in told] == sorted((value for _, value in told), reverse=True)
