"""A worker that does not hear from its group: it no longer writes or answers as fresh, and ends; the other serves."""

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.liveness.exit_status import EXIT_DISK, EXIT_RETRY, EXIT_STUCK
from tests.integration.cut_off import Overlap, Pair, Questions, last_heartbeat, pair
from tests.integration.group_view import metric, serves_all, settled
from tests.support.cluster.kafka_proxy import HEARTBEAT, PRODUCE, Direction, KafkaProxy
from tests.support.cluster.load import stream
from tests.support.cluster.verdict import applied, check_changelog
from tests.support.waiting import wait_for

pytestmark = pytest.mark.kafka

COULD_NOT_START = 1
START_AGAIN = {COULD_NOT_START, EXIT_STUCK, EXIT_DISK, EXIT_RETRY}
SHORT_SECONDS = 2.5
"""With the time between two heartbeats below the margin, and longer than a heartbeat may take."""

FAULTS: dict[str, Callable[[KafkaProxy], None]] = {
    "heartbeats held": lambda proxy: proxy.hold(HEARTBEAT),
    "nothing reaches the broker": lambda proxy: proxy.swallow(Direction.TO_BROKER),
    "nothing comes back": lambda proxy: proxy.swallow(Direction.TO_CLIENT),
    "nothing goes either way": lambda proxy: proxy.swallow(*Direction),
    "nobody connects": lambda proxy: proxy.refuse(),
}
QUICK = {"heartbeats held"}


def tell(figures: str) -> None:
    """Show what was measured, with ``pytest -s``."""
    sys.stdout.write(f"{figures}\n")


def heal(proxy: KafkaProxy) -> None:
    """End every fault."""
    proxy.release()
    proxy.heal()
    proxy.accept()


async def ended(pair: Pair, seconds: float = 30.0) -> float:
    """Wait for the end of the worker that is cut off; returns when it was."""

    async def has_ended() -> bool:
        return not pair.cut.alive

    await wait_for("end of the worker that is cut off", has_ended, seconds)
    return time.monotonic()


@pytest.mark.parametrize(
    "fault", [name if name in QUICK else pytest.param(name, marks=pytest.mark.full) for name in FAULTS]
)
async def test_a_worker_that_is_cut_off_stops_before_the_group_gives_its_partitions_away(
    tmp_path: Path, fault: str
) -> None:
    async with pair(tmp_path) as workers:
        cluster, proxy = workers.cluster, workers.proxy
        async with stream(cluster, seed=41), Questions(workers.cut) as questions:
            await begun(workers, questions)
            answered = last_heartbeat(proxy)
            FAULTS[fault](proxy)
            overlap = Overlap.measured(answered, questions.answers, proxy, await ended(workers))
            tell(f"{fault}: {overlap}, {questions}")
            assert workers.cut.wait(1) == EXIT_RETRY, workers.cut.log_tail()
            assert "the group's coordinator has not answered for 6." in workers.cut.log_tail(50)
            await wait_for("takeover by the other one", lambda: serves_all(workers.other), 60)
        assert overlap.fresh_answer < 0
        assert overlap.write < 0
        assert questions.answers.others, "it was asked between the lapse and its end, and said what it could"
        heal(proxy)
        workers.cut.start()
        await workers.cut.ready(90)
        await settled(cluster, [workers.cut, workers.other])
        await check_changelog(cluster, workers.model, await applied(cluster))


async def begun(workers: Pair, questions: Questions) -> None:
    """Wait until the worker that will be cut off writes, and has answered every call."""

    passed = workers.proxy.passed
    beats = passed[HEARTBEAT]

    async def has_written() -> bool:
        return passed[PRODUCE] > 3

    async def has_beaten() -> bool:  # since the group was shared out, so that the last answer is one to a heartbeat
        return passed[HEARTBEAT] > beats + 2

    await wait_for("writes", has_written, 60)
    await wait_for("heartbeats", has_beaten, 60)
    await wait_for("answers to every call", questions.all_answered, 60)


@pytest.mark.parametrize(
    "fault",
    [
        *(pytest.param(name, marks=pytest.mark.full) for name in ("heartbeats held", "nothing goes either way")),
        "half-open",
    ],
)
async def test_a_short_silence_changes_nothing(tmp_path: Path, fault: str) -> None:
    async with pair(tmp_path) as workers:
        proxy, before = workers.proxy, await metric(workers.cut, "nearline_rebalances_total")
        async with stream(workers.cluster, seed=42), Questions(workers.cut) as questions:
            await begun(workers, questions)
            since, beats = time.monotonic(), proxy.passed[HEARTBEAT]
            FAULTS.get(fault, KafkaProxy.strand)(proxy)
            await asyncio.sleep(SHORT_SECONDS)  # this is the scenario
            heal(proxy)

            async def goes_on() -> bool:
                fresh = [asked for asked in questions.answers.fresh if asked > since + SHORT_SECONDS]
                return proxy.passed[HEARTBEAT] > beats + 3 and len(fresh) > 10

            await wait_for("heartbeats and fresh answers", goes_on, 60)
        assert not questions.answers.others
        assert await metric(workers.cut, "nearline_lease_lapses_total") == 0
        assert await metric(workers.cut, "nearline_rebalances_total") == before
        await check_changelog(workers.cluster, workers.model, await applied(workers.cluster))
        assert workers.cut.alive


async def test_a_connection_that_is_half_open_heals_before_the_lease_lapses(tmp_path: Path) -> None:
    """No heal here: the worker itself makes another connection."""
    async with pair(tmp_path) as workers:
        beats = workers.proxy.passed[HEARTBEAT]
        workers.proxy.strand()

        async def has_healed() -> bool:
            return workers.proxy.passed[HEARTBEAT] > beats + 5

        await wait_for("heartbeats on a connection of their own", has_healed, 30)
        assert await metric(workers.cut, "nearline_lease_lapses_total") == 0
        assert await metric(workers.cut, "nearline_heartbeats_unanswered_total") != 0
        assert workers.cut.alive


@pytest.mark.full
@pytest.mark.parametrize("seconds", [20, 62, 100])
async def test_a_worker_that_is_cut_off_for_long_and_started_again_is_whole_soon_after(
    tmp_path: Path, seconds: int
) -> None:
    async with pair(tmp_path) as workers:
        cluster, proxy, statuses = workers.cluster, workers.proxy, list[int]()

        async def supervise() -> None:
            while True:
                await asyncio.sleep(0.5)
                if not workers.cut.alive:
                    statuses.append(workers.cut.wait(1))
                    assert statuses[-1] in START_AGAIN, workers.cut.log_tail()
                    workers.cut.start()

        async with stream(cluster, seed=43), Questions(workers.cut) as questions:
            await begun(workers, questions)
            answered = last_heartbeat(proxy)
            proxy.swallow(*Direction)
            overlap = Overlap.measured(answered, questions.answers, proxy, await ended(workers))
            supervising = asyncio.create_task(supervise())
            await wait_for("takeover by the other one", lambda: serves_all(workers.other), 60)
            await asyncio.sleep(max(0.0, answered + seconds - time.monotonic()))  # this is the scenario
            heal(proxy)
            healed = time.monotonic()
            await settled(cluster, [workers.cut, workers.other])
            whole = round(time.monotonic() - healed, 1)
            supervising.cancel()
        tell(f"cut for {seconds} s: {overlap}, {questions}, statuses {statuses}, whole {whole} s after")
        await asyncio.gather(supervising, return_exceptions=True)
        assert statuses[0] == EXIT_RETRY
        assert (overlap.fresh_answer < 0, overlap.write < 0) == (True, True)
        await check_changelog(cluster, workers.model, await applied(cluster))
