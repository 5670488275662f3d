"""Faults that a worker must notice by itself: it was stopped, its broker went away."""

import asyncio
import signal
from itertools import islice
from pathlib import Path
from uuid import uuid4

import pytest

from agents.liveness.exit_status import EXIT_RETRY, EXIT_STUCK
from deploy.kafka import Broker
from deploy.kafka.ports import free_ports
from tests.integration.group_view import LONG_SESSION, metric, serves_all, started
from tests.support.cluster.cluster import Cluster
from tests.support.cluster.happenings import happenings, rating
from tests.support.cluster.kafka_proxy import FETCH, PRODUCE, KafkaProxy
from tests.support.cluster.load import stream
from tests.support.cluster.verdict import applied, check_changelog
from tests.support.waiting import wait_for

SESSION_SECONDS = 3
COULD_NOT_START = 1
MOST_LINES = 100
"""A message in ten seconds passes, and a worker without a broker has about ten; unfiltered they are ten thousand."""


async def test_a_worker_that_was_stopped_for_too_long_ends_before_it_writes(cluster: Cluster) -> None:
    model = await cluster.publish()
    session = {"NEARLINE_WORKER__SESSION_TIMEOUT_SECONDS": str(SESSION_SECONDS)}
    frozen, other = await started(cluster, 2, **session)
    async with stream(cluster, seed=31):
        frozen.send(signal.SIGSTOP)
        await wait_for("takeover by the other one", lambda: serves_all(other), 60)
        await asyncio.sleep(SESSION_SECONDS)  # twice its session in all; this is the scenario
        frozen.send(signal.SIGCONT)
        assert await asyncio.to_thread(frozen.wait, 30) == EXIT_RETRY
    assert "this process did not run for" in frozen.log_tail(200)
    await check_changelog(cluster, model, await applied(cluster))
    assert await asyncio.to_thread(other.stop) == 0, other.log_tail()


@pytest.mark.full
async def test_an_idle_worker_waits_for_a_broker_that_is_away_says_so_and_goes_on(
    own_broker: Broker, tmp_path: Path
) -> None:
    """As long as its session lasts."""
    cluster = Cluster(own_broker.address, f"test-{uuid4().hex[:12]}", tmp_path)
    await cluster.create_topics()
    model = await cluster.publish()
    try:
        # far less than the outage: a broker that is away is no reason to leave
        impatient = {"NEARLINE_WORKER__STUCK_SECONDS": "4", "NEARLINE_WORKER__TAKEOVER_SECONDS": "4"}
        (worker,) = await started(cluster, 1, **impatient, **LONG_SESSION)
        await cluster.send(islice(happenings(7), 300))
        await applied(cluster)
        before = len(worker.log.read_text().splitlines())
        await asyncio.to_thread(own_broker.kill)

        async def says_so() -> bool:
            status, answer = await worker.get("/health/ready")
            return status == 503 and "the broker has not answered for" in str(answer)

        await wait_for("a worker that says that its broker is away", says_so, 60)
        await asyncio.sleep(6)  # it waits; this is the scenario
        assert (await worker.get("/health/live"))[0] == 200
        await asyncio.to_thread(own_broker.start)
        await worker.ready(120)
        assert await metric(worker, "nearline_broker_silent_seconds") is not None
        await cluster.send(rating(f"later-{number}", f"u{number}", "v1") for number in range(50))
        await check_changelog(cluster, model, await applied(cluster, seconds=120))
        lines = worker.log.read_text().splitlines()[before:]
        assert len(lines) < MOST_LINES, "\n".join(lines)
        assert worker.alive
    finally:
        cluster.end()


async def test_a_broker_that_is_away_for_longer_than_the_session_ends_the_worker_and_its_start_says_what_is_missing(
    own_broker: Broker, tmp_path: Path
) -> None:
    cluster = Cluster(own_broker.address, f"test-{uuid4().hex[:12]}", tmp_path)
    await cluster.create_topics()
    model = await cluster.publish()
    session = {"NEARLINE_WORKER__SESSION_TIMEOUT_SECONDS": str(SESSION_SECONDS)}
    try:
        (worker,) = await started(cluster, 1, **session)
        await cluster.send(islice(happenings(8), 300))
        await applied(cluster)
        await asyncio.to_thread(own_broker.kill)
        assert await asyncio.to_thread(worker.wait, 60) == EXIT_RETRY
        assert f"the group's coordinator has not answered for {SESSION_SECONDS}." in worker.log_tail(100)
        worker.start()
        assert await asyncio.to_thread(worker.wait, 60) == COULD_NOT_START
        assert "cannot reach Kafka" in worker.log_tail(5)
        await asyncio.to_thread(own_broker.start)
        worker.start()
        await worker.ready(120)
        await cluster.send(rating(f"later-{number}", f"u{number}", "v1") for number in range(50))
        await check_changelog(cluster, model, await applied(cluster, seconds=120))
    finally:
        cluster.end()


@pytest.mark.full
async def test_a_fetch_and_a_write_that_the_broker_never_answers_end_the_worker_and_its_restart_repairs(
    tmp_path: Path,
) -> None:
    (port,) = free_ports(1)
    with Broker(data_dir=tmp_path / "broker", proxies=[port]) as broker:
        async with KafkaProxy(port, broker.behind(port)) as proxy:
            cluster = Cluster(broker.address, f"test-{uuid4().hex[:12]}", tmp_path)
            await cluster.create_topics()
            model, events = await cluster.publish(), happenings(5)
            behind = {"NEARLINE_KAFKA__BOOTSTRAP": proxy.address, "NEARLINE_WORKER__STUCK_SECONDS": "5"}
            try:
                (worker,) = await started(cluster, 1, **behind)
                for kind, status, words in (
                    (FETCH, EXIT_STUCK, "was fetched for"),
                    (PRODUCE, EXIT_RETRY, "its changelog does not acknowledge it"),
                ):
                    proxy.hold(kind)

                    async def has_ended() -> bool:
                        await cluster.send(islice(events, 20))  # a fetch that was under way may still get some
                        return not worker.alive

                    await wait_for("end of the worker", has_ended, 60)
                    assert worker.wait(1) == status, worker.log_tail()
                    assert words in worker.log_tail(100)
                    proxy.release()
                    worker.start()
                    await worker.ready()
                await check_changelog(cluster, model, await applied(cluster))
            finally:
                cluster.end()
