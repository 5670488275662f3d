import asyncio
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from app.offline.schedule import schedule
from app.offline.schedule.jobs_file import Job
from app.offline.schedule.schedule import Timetable, run_once, run_schedule
from app.offline.schedule.training_run import TrainingRun

START = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)


def job(region: str, every: str) -> Job:
    gate = {"min_recall_at_20": 0.0, "max_relative_drop": 1.0}
    return Job.model_validate({"region": region, "events": "none", "every": every, "gate": gate})


def at(hour: int, minute: int = 0) -> datetime:
    return START.replace(hour=hour, minute=minute)


def regions(timetable: Timetable, now: datetime) -> list[str]:
    found = []
    while (taken := timetable.take(now)) is not None:
        found.append(taken.region)
    return found


def test_a_job_is_due_at_its_time_and_not_before() -> None:
    timetable = Timetable([job("us", "1h"), job("fr", "6h")], START)
    assert timetable.next == (at(11), "us")
    assert regions(timetable, at(10, 59)) == []
    assert regions(timetable, at(11)) == ["us"]
    assert regions(timetable, at(11)) == []
    assert timetable.next == (at(12), "fr")


def test_missed_turns_are_one() -> None:
    timetable = Timetable([job("us", "1h")], START)
    assert regions(timetable, at(15, 10)) == ["us"]
    assert timetable.next == (at(16), "us")


def test_who_waits_longest_comes_first() -> None:
    timetable = Timetable([job("b", "1h"), job("a", "2h")], START)
    assert regions(timetable, at(12, 5)) == ["b", "a"]  # b is due since 11:00, a since 12:00


def gone(region: str) -> TrainingRun:
    return TrainingRun(region, verdict="published")


async def test_once_runs_every_job_in_order() -> None:
    told: list[TrainingRun] = []
    jobs = [job("us", "1h"), job("fr", "1h")]
    assert await run_once(jobs, lambda one, _: gone(one.region), told.append, asyncio.Event())
    assert [run.region for run in told] == ["us", "fr"]


async def test_jobs_run_one_at_a_time_until_the_stop() -> None:
    running, most, told, stop = threading.Semaphore(1), [], [], asyncio.Event()

    def run(one: Job, _: Callable[[], bool]) -> TrainingRun:
        most.append(running.acquire(blocking=False))
        running.release()
        return gone(one.region)

    def report(run: TrainingRun) -> None:
        told.append(run.region)
        if {"us", "fr"} <= set(told):
            stop.set()

    async with asyncio.timeout(20):
        assert await run_schedule([job("us", "1s"), job("fr", "1s")], run, report, stop, lambda *_: None)
    assert all(most)


async def test_a_stop_between_jobs_ends_at_once() -> None:
    stop, waits = asyncio.Event(), []

    def waiting(due: datetime, region: str) -> None:
        waits.append((due, region))
        asyncio.get_running_loop().call_soon(stop.set)

    async with asyncio.timeout(5):
        assert await run_schedule([job("us", "7d")], lambda one, _: gone(one.region), print, stop, waiting)
    ((due, region),) = waits
    assert region == "us"
    assert timedelta(0) < due - datetime.now(UTC) <= timedelta(days=7)


async def test_a_run_under_way_learns_of_the_stop() -> None:
    told: list[TrainingRun] = []
    stop, begun = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def run(one: Job, stopping: Callable[[], bool]) -> TrainingRun:
        loop.call_soon_threadsafe(begun.set)
        while not stopping():
            pass
        return TrainingRun(one.region, verdict="abandoned")

    once = asyncio.create_task(run_once([job("us", "1h"), job("fr", "1h")], run, told.append, stop))
    async with asyncio.timeout(10):
        await begun.wait()
        stop.set()
        assert await once
    assert [(one.region, one.verdict) for one in told] == [("us", "abandoned")]


async def test_a_run_that_does_not_listen_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "LEAVE_SECONDS", 0.05)
    told: list[TrainingRun] = []
    stop, release = asyncio.Event(), threading.Event()

    def run(one: Job, _: Callable[[], bool]) -> TrainingRun:
        release.wait(30)
        return gone(one.region)

    stop.set()
    async with asyncio.timeout(10):
        assert not await schedule._perform(job("us", "1h"), run, told.append, stop)
    release.set()
    assert [(one.region, one.verdict) for one in told] == [("us", "abandoned")]
    assert "could not wait" in told[0].reason
