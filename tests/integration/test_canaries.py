"""A model that is whole and wrong passes every check of its files; real users' lists stop it, on every worker."""

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from app.kafka_clients import read_topic
from app.publishing.announcements import read_announcements
from app.publishing.versions import list_versions
from models.artifacts.artifact import version_name
from models.factorization.factor_model import FactorModel
from models.feedback.events import encode_event
from models.rollout.rejection import Rejection, decode_rejection
from tests.integration.answers import listed
from tests.integration.swaps import regions, serves
from tests.support.cluster.cluster import Cluster
from tests.support.cluster.published_models import write_model
from tests.support.cluster.verdict import applied
from tests.support.cluster.worker_process import WorkerProcess
from tests.support.factor_models import learned
from tests.support.tastes import two_tastes
from tests.support.waiting import wait_for

STRICT = {
    "NEARLINE_CANARY__MIN_USERS": "20",
    "NEARLINE_CANARY__MIN_OVERLAP": "0.1",
    "NEARLINE_CANARY__MAX_HELD_OUT_RISE": "0.2",
}


def version(number: int, model: FactorModel, factors: NDArray[np.float32]) -> FactorModel:
    """A version of a model with these factors, the `number`-th."""
    created = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    return FactorModel.build(
        region=model.region,
        version=version_name(created, factors),
        video_ids=model.video_ids,
        factors=factors,
        popularity=model.popularity,
        description=model.description,
    )


def shuffled(number: int, model: FactorModel) -> FactorModel:
    """The same factors, each row another video's: sizes, digests, gram and every user's system are in order."""
    order = np.random.default_rng(number).permutation(model.n_videos)
    return version(number, model, np.ascontiguousarray(model.factors[order]))


async def rejections(cluster: Cluster) -> list[Rejection]:
    """What workers have told of."""
    return [
        decode_rejection(record.value) async for record in read_topic(cluster.connection, cluster.names.models_rejected)
    ]


async def test_shuffled_rows_pass_verification_and_are_stopped_by_the_canary(cluster: Cluster) -> None:
    model, _ = learned()
    good, wrong = version(1, model, model.factors), shuffled(2, model)
    better = version(3, model, (model.factors * np.float32(1.01)))
    publisher = cluster.publisher()
    for one in (good, wrong, better):
        write_model(cluster.store, one)
    await publisher.publish("global", good.version)
    workers = [cluster.worker(str(number), **STRICT) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        await worker.ready()
    await cluster.send([(one.user_id.encode(), encode_event(one)) for one in two_tastes(users=80, videos=30)])
    await applied(cluster)

    _, changed = await publisher.publish("global", wrong.version)
    assert changed, "its files are in order"

    async def all_rejected() -> bool:
        return all([bool((await regions(worker))["global"]["rejected"]) for worker in workers])

    await wait_for("rejection by every worker", all_rejected, 30)
    for worker in workers:
        region = (await regions(worker))["global"]
        assert region["active"] == good.version
        assert region["rejected"][0]["version"] == wrong.version
        assert "watched last rises" in region["rejected"][0]["reason"]
        assert (await listed(worker, "user1"))["model_version"] == good.version
        status, text = await worker.get("/metrics")
        assert status == 200
        assert 'nearline_models_rejected_total{region="global"} 1.0' in text
    told = await rejections(cluster)
    assert {(one.version, one.stage) for one in told} == {(wrong.version, "trial")}
    assert all(one.comparison is not None and one.comparison.users >= 20 for one in told)
    states = {one.version: one.state for one in await list_versions(publisher)}
    assert states == {good.version: "active", wrong.version: "rejected", better.version: "unannounced"}

    await starts_without_the_rejected_one(workers[0], good)
    await cluster.publisher().publish("global", better.version)
    for worker in workers:
        await serves(worker, better.version)
        tried = (await regions(worker))["global"]["canary"]
        assert tried["overlap"] > 0.9
    newest = (await read_announcements(cluster.connection, cluster.names.models))["global"].newest
    assert newest.previous_version is not None
    assert newest.previous_version.version == good.version, "what was rejected is nothing to fall back to"
    await publisher.roll_back("global")
    for worker in workers:
        await serves(worker, good.version)


async def starts_without_the_rejected_one(worker: WorkerProcess, good: FactorModel) -> None:
    """A worker that has never tried the version knows of its rejection before it serves anything."""
    assert worker.stop() == 0, worker.log_tail()
    worker.lose_data()
    worker.start()
    await worker.ready()
    region = (await regions(worker))["global"]
    assert region["active"] == good.version
    assert "the canary of worker" in region["rejected"][0]["reason"]


async def one_worker_with_users(cluster: Cluster) -> tuple[WorkerProcess, FactorModel, FactorModel]:
    """Return a worker that serves a good version to people, that version, and a wrong one that is not announced."""
    model, _ = learned()
    good, wrong = version(1, model, model.factors), shuffled(2, model)
    for one in (good, wrong):
        write_model(cluster.store, one)
    await cluster.publisher().publish("global", good.version)
    worker = cluster.worker("0", **STRICT)
    worker.start()
    await worker.ready()
    await cluster.send([(one.user_id.encode(), encode_event(one)) for one in two_tastes(users=80, videos=30)])
    await applied(cluster)
    return worker, good, wrong


async def test_what_was_published_while_nobody_ran_is_tried_when_there_are_users(cluster: Cluster) -> None:
    worker, good, wrong = await one_worker_with_users(cluster)
    worker.kill()
    await cluster.publisher().publish("global", wrong.version)
    worker.start()
    await worker.ready()
    await serves(worker, good.version)
    assert (await regions(worker))["global"]["rejected"][0]["version"] == wrong.version
    assert [(one.version, one.stage) for one in await rejections(cluster)] == [(wrong.version, "trial")]
    assert (await listed(worker, "user1"))["model_version"] == good.version


async def test_who_insists_serves_without_a_canary(cluster: Cluster) -> None:
    worker, _, wrong = await one_worker_with_users(cluster)
    await cluster.publisher().publish("global", wrong.version, canary=False)
    await serves(worker, wrong.version)
    assert await rejections(cluster) == []
