"""Agents that must not end: Faust starts one again that raised, without a word, and leaves one that returned."""

from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

from faust.types import StreamT
from prometheus_client import Gauge

from agents.liveness.exit_status import EXIT_STUCK
from agents.liveness.supervisor import Supervisor

AgentFunction = Callable[[StreamT[Any]], Awaitable[None]]
"""What Faust calls with the stream of an agent's channel."""


class AgentGuard:
    """Makes agents whose end ends the process.

    Parameters
    ----------
    supervisor : ends it.
    running : counts the agents that run.
    stopping : whether the worker stops anyway.
    """

    def __init__(self, supervisor: Supervisor, running: Gauge, stopping: Callable[[], bool]) -> None:
        self._supervisor = supervisor
        self._running = running
        self._stopping = stopping

    def guarded(self, name: str, agent: AgentFunction) -> AgentFunction:
        """Return an agent that does what `agent` does, and leaves when it fails, or ends before the worker does."""

        @wraps(agent)
        async def watched(stream: StreamT[Any]) -> None:
            self._running.inc()
            try:
                with self._supervisor.must_succeed(f"the agent {name} failed", EXIT_STUCK):
                    await agent(stream)
            finally:
                self._running.dec()
            if not self._stopping():
                self._supervisor.leave(f"the agent {name} ended", EXIT_STUCK)

        return watched
