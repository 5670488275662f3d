"""The threads that solve users on the spot: what does not fit is refused at once, so queries never queue up behind it.

The threads are its own: what else runs in threads, such as fetching a model, does not wait for queries.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from app.query.http.problems import TOO_BUSY, Problem

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

_THREADS = 2


class SolverThreads:
    """Runs functions in two threads; at most `limit` run or wait at one time, each in a slot."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._busy = 0
        self._threads = ThreadPoolExecutor(_THREADS, "solve-on-the-spot")

    async def run(
        self, function: Callable[Parameters, Result], *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        """Return what the function returns.

        A slot is free again when the thread is done, even if nobody waits for it any more.

        Raises
        ------
        Problem
            429 with Retry-After when all slots are taken.
        """
        if self._busy >= self._limit:
            raise Problem(TOO_BUSY, f"{self._limit} lists are being computed, the bound; try again")
        self._busy += 1
        work = asyncio.get_running_loop().run_in_executor(self._threads, partial(function, *args, **kwargs))
        work.add_done_callback(self._free)
        return await asyncio.shield(work)

    async def close(self) -> None:
        """Let the threads end; what runs is finished, what waits is dropped."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _free(self, _: object) -> None:
        self._busy -= 1
