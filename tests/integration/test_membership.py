"""Names and addresses of workers: who has one keeps it, who takes one from a dead worker gets its partitions."""

import asyncio
import signal
from itertools import islice

import pytest

from agents.liveness.exit_status import EXIT_CONFIG, EXIT_RETRY
from tests.integration.group_view import LONG_SESSION, group_of, metric, serves_all, settled, started
from tests.support.cluster.cluster import Cluster
from tests.support.cluster.happenings import happenings
from tests.support.cluster.load import stream
from tests.support.cluster.verdict import applied, check_changelog
from tests.support.waiting import wait_for


async def test_a_dead_workers_name_may_move_to_another_address_at_once(cluster: Cluster) -> None:
    await cluster.publish()
    dead, other = await started(cluster, 2, **LONG_SESSION)
    dead.kill()
    moved = cluster.worker("0", **LONG_SESSION)
    moved.start()
    await moved.ready()
    assert "removed a dead worker from the group" in moved.log.read_text()

    await settled(cluster, [moved, other])
    assert {member.url for member in (await group_of(cluster)).members} == {moved.url, other.url}


async def test_a_live_workers_name_or_address_is_refused_and_it_goes_on_undisturbed(cluster: Cluster) -> None:
    await cluster.publish()
    (first,) = await cluster.start_workers(1)
    before = await metric(first, "nearline_rebalances_total")
    same_name, same_address = cluster.worker("0"), cluster.worker("1")
    same_name.data = same_name.data.with_name("data-elsewhere")
    same_address.port = first.port
    for second, words in ((same_name, "answers at " + first.url), (same_address, "was to advertise")):
        second.start()
        assert await asyncio.to_thread(second.wait, 60) == EXIT_CONFIG
        assert words in second.log_tail()
    assert (await first.get("/health/ready"))[0] == 200
    assert await metric(first, "nearline_rebalances_total") == before


async def test_of_two_that_start_at_once_with_one_name_one_stays_at_most(cluster: Cluster) -> None:
    await cluster.publish()
    both = [cluster.worker("0"), cluster.worker("0")]
    both[1].data, both[1].log = both[1].data.with_name("data-b"), both[1].log.with_name("worker-b.log")
    for worker in both:
        worker.start()

    async def one_left() -> bool:
        return not all(worker.alive for worker in both)

    await wait_for("end of one of them", one_left, 90)
    ended = next(worker for worker in both if not worker.alive)
    assert await asyncio.to_thread(ended.wait, 1) in {EXIT_CONFIG, EXIT_RETRY}
    assert "name" in ended.log_tail(200) or "fell out of its group" in ended.log_tail(200)


@pytest.mark.full
async def test_workers_that_come_and_go_while_others_recover_lose_nothing(cluster: Cluster) -> None:
    """Three start and two stop in quick succession, with a changelog to recover and events that go on."""
    model = await cluster.publish()
    (first,) = await started(cluster, 1)
    await cluster.send(islice(happenings(41), 4000))
    await applied(cluster)
    first.kill()
    first.lose_data()
    others = [cluster.worker(str(number)) for number in (1, 2)]
    async with stream(cluster, seed=42):
        for worker in (first, *others):
            worker.start()
            await asyncio.sleep(0.2)  # part of the scenario: each comes while the ones before it join
        for worker in others:
            await worker.ready()
        for worker in others:
            worker.send(signal.SIGTERM)
            await asyncio.sleep(0.15)
        for worker in others:
            assert await asyncio.to_thread(worker.wait, 60) == 0, worker.log_tail()
    await check_changelog(cluster, model, await applied(cluster, seconds=120))
    await wait_for("all partitions on the worker that is left", lambda: serves_all(first), 60)
    assert await asyncio.to_thread(first.stop) == 0, first.log_tail()
