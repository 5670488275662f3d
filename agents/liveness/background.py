"""Tasks that must not fail: when one does, the worker says so and leaves."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from agents.liveness.supervisor import Supervisor


class Background:
    """Holds the tasks of one component.

    Parameters
    ----------
    supervisor : ends the process when one of them fails.
    """

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work`; an exception in it ends the process with its name and reason."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._supervisor.watch(task)
        return task

    async def stop(self) -> None:
        """Cancel every task and wait until all have ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
