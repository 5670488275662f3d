"""Agents: one that ends or fails ends the process, unless the worker stops anyway."""

import asyncio
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge

from agents.liveness.agent_guard import AgentGuard
from agents.liveness.exit_status import EXIT_STUCK
from agents.liveness.metrics import LivenessMetrics
from tests.support.leaving import LeavingSupervisor, Left


def guard(running: Gauge, *, stopping: bool) -> AgentGuard:
    return AgentGuard(LeavingSupervisor(), running, lambda: stopping)


@pytest.mark.parametrize(("failure", "words"), [(ValueError("torn"), "failed: ValueError"), (None, "ended")])
async def test_an_agent_that_ends_ends_the_process(failure: Exception | None, words: str) -> None:
    running = LivenessMetrics(CollectorRegistry()).agents_running

    async def agent(_: Any) -> None:
        assert running._value.get() == 1.0
        if failure is not None:
            raise failure

    with pytest.raises(Left, match=f"the agent taster {words}") as left:
        await guard(running, stopping=False).guarded("taster", agent)(None)  # type: ignore[arg-type]
    assert left.value.args[1] == EXIT_STUCK
    assert running._value.get() == 0.0


async def test_an_agent_may_end_and_be_cancelled_when_the_worker_stops() -> None:
    running = LivenessMetrics(CollectorRegistry()).agents_running

    async def returns(_: Any) -> None:
        pass

    async def waits(_: Any) -> None:
        await asyncio.Event().wait()

    for agent in (returns, waits):
        watched = guard(running, stopping=True).guarded("taster", agent)
        task = asyncio.ensure_future(watched(None))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled() or task.exception() is None
    assert running._value.get() == 0.0
