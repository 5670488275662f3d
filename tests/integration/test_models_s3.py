"""A model store on S3: workers fetch from it, outlive its outages, and tell nobody its keys."""

from app.publishing.announcements import announce, read_announcements
from models.artifacts.artifact import manifest_digest
from tests.integration.answers import listed, region_of
from tests.support.cluster.cluster import Cluster
from tests.support.cluster.happenings import rating
from tests.support.cluster.published_models import random_model, write_model
from tests.support.cluster.verdict import applied
from tests.support.s3 import KEY, SECRET, S3Server
from tests.support.waiting import wait_for


async def test_a_worker_serves_from_s3_and_waits_while_it_is_away(s3_cluster: Cluster, own_s3: S3Server) -> None:
    first = await s3_cluster.publish(seed=1)
    (worker,) = await s3_cluster.start_workers(1)
    await s3_cluster.send([rating("e1", "u1", "v1")])
    await applied(s3_cluster)
    assert (await listed(worker, "u1"))["model_version"] == first.version

    second = write_model(s3_cluster.store, random_model(2))
    names = s3_cluster.names.models
    previous = (await read_announcements(s3_cluster.connection, names))["global"]
    own_s3.freeze()
    await announce(s3_cluster.connection, names, "global", second.version, manifest_digest(second), announced=previous)

    async def is_put_off() -> bool:
        return f"model {second.version} of region global is read again in" in worker.log.read_text()

    async def serves_the_second() -> bool:
        return bool((await region_of(worker))["active"] == second.version)

    await wait_for("a read without the store", is_put_off, 30)
    assert (await listed(worker, "u1"))["model_version"] == first.version
    own_s3.thaw()
    await wait_for("the new active version", serves_the_second, 60)
    region = await region_of(worker)
    assert (region["rejected"], region["previous"]) == ([], first.version)
    assert worker.stop() == 0, worker.log_tail()
    log = worker.log.read_text()
    assert KEY not in log
    assert SECRET not in log


async def test_a_worker_starts_without_the_store_and_loads_when_it_is_back(
    s3_cluster: Cluster, own_s3: S3Server
) -> None:
    version = (await s3_cluster.publish(seed=1)).version
    own_s3.freeze()
    worker = s3_cluster.worker("0")
    worker.start()

    async def is_put_off() -> bool:
        return f"model {version} of region global is read again in" in worker.log.read_text()

    await wait_for("a read without the store", is_put_off, 60)
    own_s3.thaw()
    await worker.ready()
    assert (await region_of(worker))["rejected"] == []
