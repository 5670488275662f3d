"""Training: from events to a version in the model store."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from threadpoolctl import threadpool_limits

from app.offline.data.histories import Population
from app.offline.data.splits import split_by_time
from app.offline.training.configuration import TrainingConfiguration
from app.offline.training.evaluate import evaluate
from app.publishing.model_store import ModelStore
from models.artifacts.artifact import version_name, write_artifact
from models.artifacts.manifest import Manifest
from models.errors import LearningFailed
from models.factorization.factor_model import FactorModel
from models.factorization.learner import Listener
from models.factorization.model_description import ModelDescription
from models.feedback.events import Event
from models.feedback.history import History
from models.feedback.interactions import Interactions


def learn(
    histories: Mapping[str, History],
    configuration: TrainingConfiguration,
    created: datetime,
    listeners: Sequence[Listener] = (),
) -> FactorModel:
    """Learn a model of some users.

    Raises
    ------
    LearningFailed
        If nobody likes a video that enough others like.
    """
    users = sorted(histories)  # so that the order of the events decides nothing, not even a rounding
    enough = configuration.selection.min_users_per_video
    interactions = Interactions.from_histories(
        users, [histories[user] for user in users], configuration.rule, min_users_per_video=enough
    )
    if not interactions.video_ids:
        raise LearningFailed(
            f"region {configuration.region}: of {len(histories)} users, no {enough} like the same video; "
            "give more events, or a lower --min-users-per-video"
        )
    with threadpool_limits(1):  # the same factors on any machine; one thread is faster at these sizes, too
        learned = configuration.learner.learn(interactions, stopping=configuration.stopping, listeners=listeners)
    return FactorModel.build(
        region=configuration.region,
        version=version_name(created, learned.video_factors),
        video_ids=interactions.video_ids,
        factors=learned.video_factors,
        popularity=interactions.popularity(),
        description=ModelDescription(confidence=configuration.rule, solver=learned.solver),
    )


def train(
    events: Iterable[Event],
    configuration: TrainingConfiguration,
    store: ModelStore,
    created: datetime,
    *,
    code_version: str,
    holdout: float = 0.0,
    accept: Callable[[Mapping[str, Any]], object] | None = None,
    previous_version: str | None = None,
    signing_key: bytes | None = None,
    listeners: Sequence[Listener] = (),
) -> tuple[Manifest, dict[str, Any]]:
    """Learn from events and store the version; return its manifest and its ranking metrics.

    Parameters
    ----------
    events
        Each once, in any order.
    created, code_version
        The time that names the version, and the code that the manifest names.
    holdout
        Share in [0, 1) of the events, the latest, that first evaluates a model of the rest; what is stored knows all.
    accept
        Gets the ranking metrics before that version is learned; what it raises ends the training, and nothing is
        stored.
    previous_version
        The one that this version replaces; by default the newest in the store.
    signing_key
        Signs the manifest.
    listeners
        Hear each iteration, of both models if there is a holdout.

    Raises
    ------
    LearningFailed
        If there is nothing to learn from.
    OSError
        If the store cannot be written.
    """
    metrics: dict[str, Any] = {}
    if holdout:
        earlier, later = split_by_time(events, 1.0 - holdout)
        before, model = _learned(earlier, configuration, created, listeners)
        metrics, events = evaluate(model, before, later), [*earlier, *later]
    if accept is not None:
        accept(metrics)
    population, model = _learned(events, configuration, created, listeners)
    manifest = write_artifact(
        store,
        model,
        metrics=metrics,
        created=created,
        code_version=code_version,
        data_window=_data_window(population),
        previous_version=previous_version or next(reversed(store.versions(configuration.region)), None),
        hyperparameters=configuration.hyperparameters,
        signing_key=signing_key,
    )
    return manifest, metrics


def _learned(
    events: Iterable[Event], configuration: TrainingConfiguration, created: datetime, listeners: Sequence[Listener]
) -> tuple[Population, FactorModel]:
    """Return what people did in the events, and the model that is learned from it."""
    population = Population(configuration.history_limit).add(events)
    return population, learn(population.of_model(configuration.region), configuration, created, listeners)


def _data_window(population: Population) -> dict[str, Any]:
    return {
        "events": population.events,
        "users": len(population.histories),
        "first": population.first.isoformat() if population.first else None,
        "last": population.last.isoformat() if population.last else None,
    }
