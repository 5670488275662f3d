"""The scheduler: periodic jobs, one at a time, until somebody wants the process to end."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from app.offline.schedule.jobs_file import Job
from app.offline.schedule.training_run import TrainingRun
from app.offline.schedule.triggers import next_time

LEAVE_SECONDS: Final = 5.0
"""How long a run may take to finish, or to notice that it shall end."""

_LONGEST_PAUSE_SECONDS: Final = 60.0  # so that a clock that is set does not make it sleep too long

Run = Callable[[Job, Callable[[], bool]], TrainingRun]
Report = Callable[[TrainingRun], object]


class Timetable:
    """When each job is due.

    Parameters
    ----------
    jobs : one for each region.
    now : the time from which they count.
    """

    def __init__(self, jobs: Sequence[Job], now: datetime) -> None:
        self._jobs = {job.region: (job, job.trigger) for job in jobs}
        self._due = {region: next_time(trigger, now) for region, (_, trigger) in self._jobs.items()}

    @property
    def next(self) -> tuple[datetime, str]:
        """When a job is due next, and of which region."""
        return min((due, region) for region, due in self._due.items())

    def take(self, now: datetime) -> Job | None:
        """Return the job that has been due longest, None if none is; all its turns until now count as this one."""
        due, region = self.next
        if due > now:
            return None
        job, trigger = self._jobs[region]
        self._due[region] = next_time(trigger, now)
        return job


async def run_once(jobs: Sequence[Job], run: Run, report: Report, stop: asyncio.Event) -> bool:
    """Run each job once, in their order; returns False if one is still running in its thread."""
    for job in jobs:
        if stop.is_set():
            break
        if not await _perform(job, run, report, stop):
            return False
    return True


async def run_schedule(
    jobs: Sequence[Job], run: Run, report: Report, stop: asyncio.Event, waiting: Callable[[datetime, str], object]
) -> bool:
    """Run jobs when they are due, until `stop`; returns False if one is still running in its thread.

    Parameters
    ----------
    jobs
        One for each region.
    run
        Runs a job in a thread of its own; is given a function that tells whether to end.
    report
        Gets what came of each run.
    stop
        Once it is set, nothing is begun; what runs has `LEAVE_SECONDS`.
    waiting
        Called before each pause with when the next job is due, and of which region.
    """
    timetable = Timetable(jobs, datetime.now(UTC))
    told: tuple[datetime, str] | None = None
    while not stop.is_set():
        job = timetable.take(datetime.now(UTC))
        if job is not None:
            if not await _perform(job, run, report, stop):
                return False
            continue
        if timetable.next != told:
            told = timetable.next
            waiting(*told)
        left = (timetable.next[0] - datetime.now(UTC)).total_seconds()
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), min(max(left, 0.0), _LONGEST_PAUSE_SECONDS))
    return True


async def _perform(job: Job, run: Run, report: Report, stop: asyncio.Event) -> bool:
    running = _in_thread(lambda: run(job, stop.is_set), f"job of region {job.region}")
    stopping = asyncio.create_task(stop.wait())
    either: set[asyncio.Future[Any]] = {running, stopping}
    try:
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait({running}, timeout=LEAVE_SECONDS)
    finally:
        stopping.cancel()
    if running.done():
        report(running.result())
        return True
    report(TrainingRun(job.region, verdict="abandoned", reason="the process was told to end, and could not wait"))
    return False


def _in_thread(call: Callable[[], TrainingRun], name: str) -> asyncio.Future[TrainingRun]:
    """Call in a thread that does not keep the process alive, as those of the loop's own executor do."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[TrainingRun] = loop.create_future()

    def work() -> None:
        try:
            settle = partial(future.set_result, call())
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits
            settle = partial(future.set_exception, error)
        with suppress(RuntimeError):  # the loop has ended: nobody waits any more
            loop.call_soon_threadsafe(settle)

    threading.Thread(target=work, name=name, daemon=True).start()
    return future
