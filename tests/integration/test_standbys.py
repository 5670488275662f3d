"""Standbys: another worker's copy answers and takes over."""

from itertools import islice

from tests.support.cluster.cluster import Cluster
from tests.support.cluster.happenings import happenings
from tests.support.cluster.verdict import applied, check_changelog, check_databases
from tests.support.cluster.worker_process import WorkerProcess
from tests.support.waiting import wait_for


async def says(worker: WorkerProcess, metric: str) -> bool:
    """Whether a worker's metrics have this line."""
    return f"\n{metric}\n" in (await worker.get("/metrics"))[1]


async def test_a_standby_takes_over_from_a_killed_worker(cluster: Cluster) -> None:
    model = await cluster.publish()
    first, second = [cluster.worker(str(number), NEARLINE_WORKER__STANDBY_REPLICAS="1") for number in range(2)]
    for worker in (first, second):
        worker.start()
    for worker in (first, second):
        await worker.ready()
    events = happenings(5)
    await cluster.send(islice(events, 800))
    expected = await applied(cluster)
    await wait_for("complete copies", lambda: says(second, "nearline_partitions_standby 2.0"))
    first.kill()
    answers = [await second.get(f"/v1/users/{user}/recommendations") for user in expected.facts]
    assert {status for status, _ in answers} == {200}
    assert {found["stale"] for _, found in answers} == {False, True}, "its own users, and those of the killed worker"
    assert await says(second, "nearline_partitions_standby 2.0"), "the test came too late"
    await cluster.send(islice(events, 400))
    await check_changelog(cluster, model, await applied(cluster))
    await wait_for("all partitions on the worker that is left", lambda: says(second, "nearline_partitions_running 4.0"))
    assert second.stop() == 0, second.log_tail()
    await check_databases(cluster, second.data)
