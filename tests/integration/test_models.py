"""Models come and go: a broken artifact never serves and says why; a good one replaces the active one whole."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from app.offline.announcements import announce, read_announcements
from tests.integration.cluster import Cluster, random_model, write_model
from tests.integration.happenings import rating
from tests.integration.oracle import reference_scores
from tests.integration.test_end_to_end import listed
from tests.integration.verdict import applied
from tests.integration.waiting import wait_for
from tests.integration.workers import WorkerProcess

FACTORS = "factors.safetensors"


def flip_a_byte(folder: Path) -> None:
    """Change one byte in the middle of the factors."""
    content = bytearray((folder / FACTORS).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / FACTORS).write_bytes(bytes(content))


def truncate(folder: Path) -> None:
    """Cut the factors in half."""
    content = (folder / FACTORS).read_bytes()
    (folder / FACTORS).write_bytes(content[: len(content) // 2])


def lose_the_manifest(folder: Path) -> None:
    """Remove the manifest: the version does not exist."""
    (folder / "manifest.json").unlink()


def with_tensors(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    """Damage the tensors and make manifest and digests agree with the damage, as a broken job would."""

    def damage(folder: Path) -> None:
        tensors = load_file(folder / FACTORS)
        change(tensors)
        before = (folder / FACTORS).read_bytes()
        save_file(tensors, folder / FACTORS)
        after = (folder / FACTORS).read_bytes()
        manifest = (folder / "manifest.json").read_text()
        manifest = manifest.replace(sha256(before).hexdigest(), sha256(after).hexdigest())
        (folder / "manifest.json").write_text(manifest.replace(f'"size": {len(before)}', f'"size": {len(after)}'))

    return damage


def put_nan(tensors: dict[str, Any]) -> None:
    """One factor is not a number."""
    tensors["video_factors"] = tensors["video_factors"].copy()
    tensors["video_factors"][3, 2] = np.nan


def drop_a_row(tensors: dict[str, Any]) -> None:
    """One video has no factors."""
    tensors["video_factors"] = tensors["video_factors"][:-1].copy()


DAMAGES = {
    "flipped": (flip_a_byte, "is not what its manifest lists"),
    "truncated": (truncate, "is not what its manifest lists"),
    "without manifest": (lose_the_manifest, "manifest"),
    "not finite": (with_tensors(put_nan), "NaN or infinity, first in row 3"),
    "mis-shaped": (with_tensors(drop_a_row), "199"),
}


async def region_of(worker: WorkerProcess) -> dict[str, Any]:
    """Return what a worker says of the region's models."""
    status, answer = await worker.get("/v1/models")
    assert status == 200
    (region,) = answer["regions"]
    assert isinstance(region, dict)
    return region


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
        former = (await read_announcements(cluster.connection, cluster.names.models))["global"]
        await announce(cluster.connection, cluster.names.models, "global", manifest.version, digest, former)

    async def all_refused() -> bool:
        return len((await region_of(worker))["rejected"]) == len(DAMAGES)

    await wait_for("refusal of every broken version", all_refused, 15)
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


async def test_an_outage_of_the_store_delays_a_model_and_refuses_nothing(cluster: Cluster) -> None:
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
