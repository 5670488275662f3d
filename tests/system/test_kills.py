"""Workers that die without a word: at random moments, at marked points of their work, with and without their folder."""

import signal
import time
from itertools import count

import pytest

from agents.liveness.exit_status import EXIT_RETRY
from tests.support.cluster.cluster import Cluster
from tests.support.cluster.load import Load, Mix
from tests.support.cluster.worker_process import WorkerProcess
from tests.support.waiting import wait_for
from tests.system.kill_points import CHUNK_POINTS, SWAP_POINTS
from tests.system.records import Book
from tests.system.scenario import Scenario, let_run, until_rescored
from tests.system.watch import Watch

REGIONS = ("us", "br")
"""The first has a model of its own, the second has not."""
QUICK_KILLS = 6
FROZEN_EVERY = 12
"""Rounds of kills for each time that a worker is frozen, which takes two sessions."""
FULL_KILLS = 100
SESSION_SECONDS = 6
"""The session timeout of a cluster's workers."""


@pytest.mark.parametrize(
    ("kills", "standbys"),
    [(QUICK_KILLS, 1), *(pytest.param(FULL_KILLS, number, marks=pytest.mark.full) for number in (0, 1))],
)
async def test_kill_9_at_random_moments(cluster: Cluster, book: Book, seed: int, kills: int, standbys: int) -> None:
    """F1, F3, F4: one to three of three workers at a time, every other time without folders, some while they start.

    One of them is frozen now and then until others have its partitions, and thawed.
    """
    what = f"kill -9 at random moments, every other folder lost, or frozen; {standbys or 'no'} standbys"
    scenario = Scenario(cluster, book, "F1, F3, F4", what, seed)
    chance = scenario.chance
    workers = await scenario.begin(3, REGIONS[:1], NEARLINE_WORKER__STANDBY_REPLICAS=str(standbys))
    mix = Mix(regions=REGIONS)
    async with Watch(cluster, seed, commits=True) as watch, Load(cluster, seed, mix) as load:
        for round_ in count():
            if round_ % FROZEN_EVERY == 1:
                await _frozen_and_thawed(scenario, chance.choice(workers))
            victims = chance.sample(workers, chance.choice((1, 1, 2, 3)))
            since = 0.0
            for victim in victims:
                since = scenario.fault()
                victim.kill()
                if round_ % 2:
                    victim.lose_data()
                victim.start()
                await let_run(chance.uniform(0.0, 0.5))
            if scenario.record.kills >= kills:
                await scenario.served_again(since)
                break
            if chance.random() < 0.3:
                await let_run(chance.uniform(0.0, 4.0))  # the next one dies while it starts, joins or recovers
                continue
            await scenario.served_again(since)
            await let_run(chance.uniform(0.1, 1.0))
    await scenario.conclude(load, watch)


async def _frozen_and_thawed(scenario: Scenario, victim: WorkerProcess) -> None:
    """Freeze a worker for two sessions; the others serve, and it leaves when it wakes up, and is started again.

    One that had not joined yet when it was frozen has missed nothing, and may go on with its start.
    """
    had_joined = await _has_joined(victim)
    since = scenario.fault()
    victim.freeze()
    await scenario.served_again(since)
    await let_run(max(0.0, 2 * SESSION_SECONDS - (time.monotonic() - since)))
    victim.thaw()

    async def ends_or_goes_on() -> bool:
        return not victim.alive or (not had_joined and await _has_joined(victim))

    await wait_for("end of the worker that was frozen", ends_or_goes_on, 60)
    if not victim.alive:
        assert victim.status == EXIT_RETRY, victim.log_tail()
        victim.start()


async def _has_joined(worker: WorkerProcess) -> bool:
    """Whether a worker has been given partitions since its start."""
    return (await worker.get("/health/startup"))[0] == 200


_PASSAGES = {"during_recovery": 1, "during_takeover": 1, "during_claim": 1, "during_revocation": 2, "during_commit": 2}
"""The others are passed for every chunk: a random number of them is survived. Joining revokes, too, though nothing."""


@pytest.mark.parametrize("rounds", [1, pytest.param(4, marks=pytest.mark.full)])
async def test_kill_9_at_marked_points(cluster: Cluster, book: Book, seed: int, rounds: int) -> None:
    """F2: each point of a chunk's way, of recovery, takeover and handing over, on the same folder and without it."""
    scenario = Scenario(cluster, book, "F2", "kill -9 at each marked point, every other folder lost", seed)
    victim, comes_and_goes = await scenario.begin(2)
    async with Watch(cluster, seed, commits=True) as watch, Load(cluster, seed) as load:
        victim.kill()
        for round_ in range(rounds):
            for place, point in enumerate(CHUNK_POINTS):
                if (place + round_) % 2:
                    victim.lose_data()
                passages = _PASSAGES.get(point, scenario.chance.randint(1, 12))
                victim.start(("tests.system.kill_points", f"{point}:{passages}"))
                if point == "during_revocation":
                    await victim.ready(120)
                    if comes_and_goes.alive:
                        comes_and_goes.kill()
                    else:
                        comes_and_goes.start()
                await _died(victim, point)
                scenario.fault()
        since = time.monotonic()
        for worker in (victim, comes_and_goes):
            if not worker.alive:
                worker.start()
        await scenario.served_again(since)
    await scenario.conclude(load, watch)


@pytest.mark.parametrize("rounds", [1, pytest.param(3, marks=pytest.mark.full)])
async def test_kill_9_while_models_are_swapped(cluster: Cluster, book: Book, seed: int, rounds: int) -> None:
    """F6: at each stage of a swap, the re-solving included; every row and every answer is of one published version."""
    scenario = Scenario(cluster, book, "F6", "kill -9 at each stage of a swap", seed)
    victim, _ = await scenario.begin(2)
    async with Watch(cluster, seed) as watch, Load(cluster, seed) as load:
        for number, (point, passage) in enumerate([*SWAP_POINTS.items()] * rounds, start=2):
            await until_rescored(cluster)
            victim.kill()
            victim.start(("tests.system.kill_points", f"{point}:{passage}"))
            await victim.ready(120)
            await scenario.publish(number)
            await _died(victim, point)
            since = scenario.fault()
            victim.start()
            await scenario.served_again(since)
        await until_rescored(cluster)
    verdict = await scenario.conclude(load, watch)
    assert verdict.rows


@pytest.mark.full
async def test_a_frozen_worker_that_thaws_after_its_session_writes_nothing(
    cluster: Cluster, book: Book, seed: int
) -> None:
    """F4: as a paused virtual machine; others have its partitions when it wakes up."""
    scenario = Scenario(cluster, book, "F4", "frozen for two session timeouts, then thawed", seed)
    workers = await scenario.begin(2)
    async with Watch(cluster, seed, commits=True) as watch, Load(cluster, seed) as load, scenario.supervised():
        for _ in range(4):
            await let_run(scenario.chance.uniform(0.2, 2.0))
            victim = scenario.chance.choice(workers)
            since = scenario.fault()
            victim.freeze()
            await scenario.served_again(since)
            await let_run(max(0.0, 2 * SESSION_SECONDS - (time.monotonic() - since)))
            victim.thaw()
            await victim_is_back(victim)
    assert scenario.record.notes["left_by_itself"] == 4
    await scenario.conclude(load, watch)


async def victim_is_back(worker: WorkerProcess) -> None:
    """Wait until a thawed worker has left, was started, and is ready."""
    frozen = worker.pid

    async def is_ready() -> bool:
        return worker.pid != frozen and (await worker.get("/health/ready"))[0] == 200

    await wait_for(f"return of worker {worker.id}\n{worker.log_tail()}", is_ready, 120)


async def _died(worker: WorkerProcess, point: str) -> None:
    async def is_dead() -> bool:
        return not worker.alive

    try:
        await wait_for(f"death at {point}", is_dead, 60)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{worker.log_tail()}") from None
    assert worker.wait(1) == -signal.SIGKILL, f"{point}: {worker.log_tail()}"
