"""Regions: a model, hyperparameters, announcements and trouble of their own."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np

from models.artifacts.artifact import version_name
from models.factorization.factor_model import FactorModel
from models.factorization.model_description import ModelDescription
from models.factorization.user_solver import SolverParameters
from models.feedback.confidence import ConfidenceRule
from tests.integration.answers import listed
from tests.integration.damaged_artifacts import flip_a_byte
from tests.integration.swaps import regions, serves
from tests.support.cluster.cluster import Cluster
from tests.support.cluster.oracle import reference_scores
from tests.support.cluster.published_models import write_model
from tests.support.cluster.verdict import applied
from tests.support.waiting import wait_for

RANKS = {"us": 8, "fr": 24, "jp": 33}
PARAMETERS = {
    "us": SolverParameters(regularization=0.1, unobserved_weight=0.2, frequency_exponent=1.0),
    "fr": SolverParameters(regularization=0.5, unobserved_weight=0.05, frequency_exponent=0.5),
    "jp": SolverParameters(regularization=0.02, unobserved_weight=1.0, frequency_exponent=0.0),
    "global": SolverParameters(regularization=0.2, unobserved_weight=0.1, frequency_exponent=1.0),
}


def model_of(region: str, number: int) -> FactorModel:
    """The `number`-th version of a region: its own rank, hyperparameters, input transformation and videos."""
    seed = sum(region.encode()) + number
    factors = np.random.default_rng(seed).normal(0, 0.4, (150, RANKS.get(region, 12))).astype(np.float32)
    rule = ConfidenceRule(like_rating=3.0) if region == "fr" else ConfidenceRule()
    return FactorModel.build(
        region=region,
        version=version_name(datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number), factors),
        video_ids=tuple(f"v{number}" for number in range(150)),
        factors=factors,
        popularity=np.ones(150, np.float32),
        description=ModelDescription(confidence=rule, solver=PARAMETERS[region]),
    )


def likes(user: str, region: str | None, *numbers: int) -> list[tuple[bytes, bytes]]:
    """Ratings of a user, the later ones later, in a region or nowhere; v30 is liked by the rule of one region only."""
    events = [
        {
            "event_id": f"{user}-{number}-{region}",
            "type": "rate",
            "user_id": user,
            "video_id": f"v{number}",
            "ts": f"2026-11-20T20:{number:02}:00Z",
            "rating": 3.5 if number == 30 else 4.5,
            **({"region": region} if region else {}),
        }
        for number in numbers
    ]
    return [(user.encode(), json.dumps(event).encode()) for event in events]


async def test_regions_serve_side_by_side_and_one_that_breaks_is_no_concern_of_the_others(cluster: Cluster) -> None:
    models = {region: model_of(region, 1) for region in (*RANKS, "global")}
    for region, model in models.items():
        write_model(cluster.store, model)
        await cluster.publisher().publish(region, model.version)
    workers = await cluster.start_workers(2)
    people = {f"{region}{number}": region for region in (*RANKS, "global") for number in range(6)}
    for user, region in people.items():
        await cluster.send(likes(user, None if region == "global" else region, 1, 7, 30))
    await cluster.send(likes("stranger", "br", 1, 7))
    facts = (await applied(cluster)).facts

    async def check(expected: dict[str, FactorModel]) -> None:
        for user, region in {**people, "stranger": "global"}.items():
            for worker in workers:
                answer = await listed(worker, user)
                assert answer["model_version"] == expected[region].version, user
                reference = reference_scores(expected[region], facts[user])
                for item in answer["items"]:
                    assert abs(item["score"] - reference[item["video_id"]]) < 1e-4, (user, item)

    await check(models)
    status = await regions(workers[0])
    assert {region: status[region]["factors"] for region in RANKS} == RANKS

    # one region's new version is broken: it is rejected there, and nothing else is said or done anywhere
    before = {worker.id: await regions(worker) for worker in workers}
    broken = model_of("fr", 2)
    manifest = write_model(cluster.store, broken)
    flip = cluster.folder / "models" / "fr" / manifest.version
    digest = cluster.publisher().check("fr", manifest.version)
    flip_a_byte(flip)
    await cluster.announce("fr", manifest.version, digest)

    async def rejected() -> bool:
        return all([bool((await regions(worker))["fr"]["rejected"]) for worker in workers])

    await wait_for("rejection of the broken version", rejected, 30)
    for worker in workers:
        after = await regions(worker)
        for region in ("us", "jp", "global"):
            assert after[region] == before[worker.id][region]
        assert after["fr"]["active"] == models["fr"].version
    await check(models)

    # another one's is good: its users follow, and nobody else
    second = model_of("jp", 2)
    write_model(cluster.store, second)
    await cluster.publisher().publish("jp", second.version)
    for worker in workers:
        await serves(worker, second.version, "jp")
    await check(models | {"jp": second})
    for worker in workers:
        assert "fr" in (await regions(worker))


async def test_who_moves_is_solved_anew_from_the_same_history(cluster: Cluster) -> None:
    models = {region: model_of(region, 1) for region in ("us", "jp")}
    for region, model in models.items():
        write_model(cluster.store, model)
        await cluster.publisher().publish(region, model.version)
    (worker,) = await cluster.start_workers(1)
    await cluster.send(likes("ann", "us", 1, 7, 30))
    await applied(cluster)
    assert (await listed(worker, "ann"))["model_version"] == models["us"].version
    await cluster.send(likes("ann", "jp", 45))
    facts = (await applied(cluster)).facts["ann"]
    assert [video for _, video, _, _ in facts] == ["v1", "v7", "v30", "v45"]
    answer = await listed(worker, "ann")
    assert (answer["model_version"], answer["region"]) == (models["jp"].version, "jp")
    reference = reference_scores(models["jp"], facts)
    assert all(abs(item["score"] - reference[item["video_id"]]) < 1e-4 for item in answer["items"])


async def test_new_videos_appear_vanished_ones_go_and_history_waits(cluster: Cluster) -> None:
    first = await cluster.publish(seed=1, n_videos=20)
    (worker,) = await cluster.start_workers(1)
    await cluster.send(likes("ann", None, 1, 2) + likes("bob", None, 40, 41))
    facts = (await applied(cluster)).facts
    unknown = await listed(worker, "bob")
    assert (unknown["source"], unknown["model_version"]) == ("popular", first.version), (
        "nothing that bob likes is known"
    )
    second = await cluster.publish(seed=2, n_videos=60)
    await serves(worker, second.version)
    for user in ("ann", "bob"):
        answer = await listed(worker, user, "limit=100")
        reference = reference_scores(second, facts[user])
        listed_videos = [item["video_id"] for item in answer["items"]]
        assert set(listed_videos) == reference.keys() - {video for _, video, _, _ in facts[user]}
        assert answer["source"] == "nearline"
    third = await cluster.publish(seed=3, n_videos=20)
    await serves(worker, third.version)
    gone = {item["video_id"] for item in (await listed(worker, "ann", "limit=100"))["items"]}
    assert gone == {f"v{number}" for number in range(20)} - {"v1", "v2"}
    assert (await listed(worker, "bob"))["source"] == "popular"
