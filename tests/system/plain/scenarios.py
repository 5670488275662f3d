"""The two faults, the same for either system."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from tests.support.cluster.kafka_proxy import PRODUCE, KafkaProxy
from tests.support.waiting import wait_for
from tests.system.plain.plays import Plays
from tests.system.plain.system import System, Tally, committed

LATE_SECONDS = 1.0
EVENTS_PER_SECOND = 200
_EVENTS_BEFORE_A_KILL = 1_000


async def slow_broker_and_kill(system: System, bootstrap: str, proxy: KafkaProxy) -> Tally:
    """Let what the worker produces come late, and kill it -9 when it has committed twice; at last start it in peace.

    Before that at least a thousand events come, so that either worker has work behind it.

    The worker alone goes through the proxy; who sends the events does not.
    """
    await system.prepare()
    proxy.delay(LATE_SECONDS, PRODUCE)
    async with Plays(bootstrap, system.topic, EVENTS_PER_SECOND) as plays:
        await system.start(proxy.address)
        await _sent(plays, _EVENTS_BEFORE_A_KILL)
        for _ in range(2):
            await _commits(system, bootstrap)
        system.kill()
    proxy.delay(0.0, PRODUCE)
    await system.start(bootstrap)
    await system.wait_until_done()
    await system.stop()
    return await system.tally()


async def restarts_under_load(
    system: System, bootstrap: str, most: int, seed: int, enough: Callable[[], Awaitable[bool]] | None = None
) -> Tally:
    """Stop the worker in good order and start it again while events come, at most so often or until it is `enough`.

    Each start has a table to recover, and events that came meanwhile wait for it.
    """
    await system.prepare()
    chance = random.Random(seed)
    async with Plays(bootstrap, system.topic, EVENTS_PER_SECOND):
        for _ in range(most):
            await system.start(bootstrap)
            await asyncio.sleep(chance.uniform(1.0, 3.0))  # load goes on
            await system.stop()
            if enough is not None and await enough():
                break
    await system.start(bootstrap)
    await system.wait_until_done()
    await system.stop()
    return await system.tally()


async def _sent(plays: Plays, count: int) -> None:
    async def are_sent() -> bool:
        return plays.sent >= count

    await wait_for(f"{count} events", are_sent, 120)


async def _commits(system: System, bootstrap: str) -> None:
    """Wait until the system says of more events that they are done."""
    before = await committed(bootstrap, system)

    async def moved() -> bool:
        return await committed(bootstrap, system) != before

    await wait_for("commit", moved, 120)
