"""Models come and go: a broken artifact never serves and says why; a good one replaces the active one whole."""

from hashlib import sha256

import aiohttp
import pytest

from app.publishing.announcements import announce, read_announcements
from tests.integration.answers import listed, region_of
from tests.integration.damaged_artifacts import DAMAGES
from tests.integration.swaps import serves
from tests.support.cluster.cluster import Cluster
from tests.support.cluster.happenings import rating
from tests.support.cluster.oracle import reference_scores
from tests.support.cluster.published_models import random_model, write_model
from tests.support.cluster.verdict import applied
from tests.support.waiting import wait_for


async def test_broken_and_unannounced_artifacts_never_serve_and_say_why(cluster: Cluster) -> None:
    good = await cluster.publish(seed=1)
    (worker,) = await cluster.start_workers(1)
    await cluster.send([rating("e1", "u1", "v1")])
    await applied(cluster)
    write_model(cluster.store, random_model(99))  # in the store, never announced

    signs: dict[str, str] = {}
    for seed, (name, (damage, sign)) in enumerate(DAMAGES.items(), 2):
        manifest = write_model(cluster.store, random_model(seed))
        signs[manifest.version] = sign
        folder = cluster.folder / "models" / "global" / manifest.version
        damage(folder)
        kept = folder / "manifest.json"
        digest = sha256(kept.read_bytes() if kept.exists() else name.encode()).hexdigest()
        previous = (await read_announcements(cluster.connection, cluster.names.models))["global"]
        await announce(cluster.connection, cluster.names.models, "global", manifest.version, digest, announced=previous)

    async def all_rejected() -> bool:
        return len((await region_of(worker))["rejected"]) == len(DAMAGES)

    await wait_for("rejection of every broken version", all_rejected, 60)
    region = await region_of(worker)
    log = worker.log.read_text()
    assert {rejection["version"] for rejection in region["rejected"]} == signs.keys()
    for rejection in region["rejected"]:
        assert signs[rejection["version"]] in rejection["reason"], rejection
        assert rejection["reason"] in log
        assert str(cluster.folder) not in rejection["reason"]
    assert region["active"] == good.version
    assert (await listed(worker, "u1"))["model_version"] == good.version

    restarted = cluster.worker("fresh")
    assert worker.stop() == 0, worker.log_tail()
    restarted.start()
    await restarted.ready()
    assert (await listed(restarted, "u1"))["model_version"] == good.version


async def test_any_worker_chooses_the_version_that_all_of_them_serve(cluster: Cluster) -> None:
    first = await cluster.publish(seed=1)
    workers = await cluster.start_workers(2)
    await cluster.send([rating(f"e{number}", f"u{number}", f"v{number % 7}") for number in range(60)])
    facts = (await applied(cluster)).facts
    second = await cluster.publish(seed=2)
    for worker in workers:
        await serves(worker, second.version)
    async with aiohttp.ClientSession() as session:
        activate = f"{workers[1].url}/v1/models/global:activate"
        async with session.post(activate, json={"version": first.version}) as response:
            assert (response.status, await response.json()) == (
                200,
                {"region": "global", "version": first.version, "sequence": 2, "changed": True},
            )
        for worker in workers:
            await serves(worker, first.version)
            answer = await listed(worker, "u5")
            assert answer["model_version"] == first.version
            reference = reference_scores(first, facts["u5"])
            assert all(abs(item["score"] - reference[item["video_id"]]) < 1e-4 for item in answer["items"])
        async with session.post(activate, json={"version": "20260101T000000Z-00000000"}) as response:
            assert response.status == 409
            assert "is missing from the model store" in (await response.json())["detail"]
        async with session.post(activate, json={"version": first.version}) as response:
            assert (await response.json())["changed"] is False
    assert [(await region_of(worker))["previous"] for worker in workers] == [second.version] * 2


async def test_who_has_a_key_takes_what_it_signed_and_nothing_else(cluster: Cluster) -> None:
    key, other = "the workers' own key", "a key that nobody gave them"
    good, unsigned, forged = (random_model(seed) for seed in (1, 2, 3))
    for model, signing_key in ((good, key), (unsigned, None), (forged, other)):
        write_model(cluster.store, model, signing_key)
    worker = cluster.worker("0", NEARLINE_MODELS__SIGNING_KEY=key)
    publisher = cluster.publisher()
    await publisher.publish("global", good.version)
    worker.start()
    await worker.ready()
    for model in (unsigned, forged):
        await publisher.publish("global", model.version)

    async def both_rejected() -> bool:
        return len((await region_of(worker))["rejected"]) == 2

    await wait_for("rejection of what is not signed by the key", both_rejected, 30)
    region = await region_of(worker)
    reasons = {rejection["version"]: rejection["reason"] for rejection in region["rejected"]}
    assert "not signed" in reasons[unsigned.version]
    assert "was not made by this worker's key" in reasons[forged.version]
    assert region["active"] == good.version
    assert key not in worker.log.read_text()


async def test_of_three_versions_in_a_second_the_newest_serves_on_every_worker_that_comes_and_goes(
    cluster: Cluster,
) -> None:
    await cluster.publish(seed=1)
    first, second = await cluster.start_workers(2)
    third = cluster.worker("2")
    third.start()  # the group waits for it, and partitions move, while versions are announced
    versions = [random_model(seed) for seed in (2, 3, 4)]
    for model in versions:
        write_model(cluster.store, model)
        await cluster.announce("global", model.version, cluster.publisher().check("global", model.version))
    second.kill()
    second.start()
    for worker in (first, second, third):
        await serves(worker, versions[-1].version)
        assert (await region_of(worker))["rejected"] == []


async def test_a_version_that_is_announced_before_its_files_are_there_serves_when_they_come(cluster: Cluster) -> None:
    good = await cluster.publish(seed=1)
    (worker,) = await cluster.start_workers(1)
    model = random_model(2)
    write_model(cluster.store, model)
    digest = cluster.publisher().check("global", model.version)
    folder = cluster.folder / "models" / "global"
    (folder / model.version).rename(folder / "on-its-way")
    await cluster.announce("global", model.version, digest)

    async def is_waited_for() -> bool:
        return "is missing from the model store" in worker.log.read_text()

    await wait_for("a look for the version", is_waited_for, 15)
    assert (await region_of(worker))["active"] == good.version
    (folder / "on-its-way").rename(folder / model.version)
    await serves(worker, model.version)
    assert (await region_of(worker))["rejected"] == []


async def test_an_outage_of_the_store_delays_a_model_and_rejects_nothing(cluster: Cluster) -> None:
    versions = [await cluster.publish(seed=1)]
    folder, away = cluster.folder / "models", cluster.folder / "away"
    folder.rename(away)
    worker = cluster.worker("0")
    worker.start()

    async def serves_the_last() -> bool:
        return bool((await region_of(worker))["active"] == versions[-1].version)

    async def waits() -> bool:
        return "is read again in" in worker.log.read_text()

    await wait_for("a read without the store", waits, 30)
    away.rename(folder)
    await worker.ready()
    versions.append(await cluster.publish(seed=2))
    await wait_for("the new active version", serves_the_last, 15)
    region = await region_of(worker)
    assert (region["rejected"], region["previous"]) == ([], versions[0].version)


@pytest.mark.parametrize("back", [False, True])
async def test_a_new_version_and_a_rollback_replace_the_active_one_whole(cluster: Cluster, back: bool) -> None:
    versions = [await cluster.publish(seed=1)]
    (worker,) = await cluster.start_workers(1)
    await cluster.send([rating("e1", "u1", "v1")])
    facts = (await applied(cluster)).facts["u1"]
    versions.append(await cluster.publish(seed=2))
    if back:
        await cluster.publisher().roll_back("global")
        versions.append(versions[0])

    async def swapped() -> bool:
        region = await region_of(worker)
        return bool(region["active"] == versions[-1].version and region["sequence"] == len(versions) - 1)

    await wait_for("the new active version", swapped, 15)
    answer = await listed(worker, "u1")
    assert answer["model_version"] == versions[-1].version
    reference = reference_scores(versions[-1], facts)
    for item in answer["items"]:
        assert abs(item["score"] - reference[item["video_id"]]) < 1e-4
