import asyncio
import threading

import pytest

from app.query.http.problems import TOO_BUSY, Problem
from app.query.lists.solver_threads import SolverThreads


async def test_result_and_error_come_through() -> None:
    threads = SolverThreads(1)
    assert await threads.run(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await threads.run(divmod, 7, 0)
    assert await threads.run(divmod, 7, 7) == (1, 0)
    await threads.close()


async def test_slot_is_taken_until_the_thread_is_done_even_if_nobody_waits() -> None:
    threads = SolverThreads(1)
    entered, leave = threading.Event(), threading.Event()

    def work() -> None:
        entered.set()
        leave.wait(10)

    waiting = asyncio.create_task(threads.run(work))
    await asyncio.to_thread(entered.wait, 10)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(Problem) as refused:
        await threads.run(int)
    assert refused.value.kind is TOO_BUSY
    leave.set()
    await threads.close()
