"""Tasks that must not end: when one does, or raises, the worker says so and leaves."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from agents.liveness.fatal import leave


class Background:
    """Holds the tasks of one component and ends the process when one of them fails."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run `work`; an exception in it ends the process with its name and reason."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def stop(self) -> None:
        """Cancel every task and wait until all have ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            leave(f"{task.get_name()} failed: {error!r}")
