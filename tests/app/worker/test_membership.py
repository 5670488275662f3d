"""Watching the own place: who got no assignment leaves, with what the coordinator says, and never for its silence."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from app.settings.settings import Settings, WorkerSettings
from app.worker import membership
from app.worker.membership import watch_membership
from tests.support.leaving import LeavingSupervisor, Left
from tests.support.waiting import wait_for

SETTINGS = Settings(worker=WorkerSettings(session_timeout_seconds=1.0, takeover_seconds=0.1))
BOUND = 1.1


class Reader:
    """A reader whose assignment is there or not; counts the looks at it."""

    recovering = False

    def __init__(self, running: bool) -> None:
        self._running = running
        self.looks = 0

    @property
    def running(self) -> bool:
        """Whether it has its assignment."""
        self.looks += 1
        return self._running


class Looking:
    """A group that says what it is told to say, and counts who asks."""

    def __init__(self, says: str | None) -> None:
        self.says = says
        self.asked = 0

    async def __call__(self, *_: Any) -> str | None:
        self.asked += 1
        return self.says


@pytest.fixture
def watching(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Awaitable[None]]:
    """Watch a worker without an assignment, unless it is told otherwise."""

    def watch(
        seen: Looking, *, reader: Any = None, silent_seconds: float = 0.0, failure: str | None = None
    ) -> Awaitable[None]:
        monkeypatch.setattr(membership, "_seen_in_group", seen)
        monkeypatch.setattr(membership, "_LOOK_SECONDS", 0.05)
        app: Any = SimpleNamespace(group_failure=lambda: failure)
        probe: Any = SimpleNamespace(silent_seconds=silent_seconds)
        read: Any = reader or Reader(running=False)
        return watch_membership(app, read, probe, SETTINGS, LeavingSupervisor())

    return watch


async def test_who_gets_no_assignment_leaves_with_what_the_coordinator_says(
    watching: Callable[..., Awaitable[None]],
) -> None:
    with pytest.raises(Left, match="no assignment came for 1 s; shop-0 at http://other:1 has its id"):
        await watching(Looking("shop-0 at http://other:1 has its id or its address"))


async def test_while_the_coordinator_is_silent_it_stays_and_accuses_nobody(
    watching: Callable[..., Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    seen = Looking(None)
    task = asyncio.ensure_future(watching(seen))

    async def asked_twice() -> bool:
        return seen.asked >= 2

    await wait_for("two looks at the group", asked_twice)
    assert not task.done()
    task.cancel()
    assert "coordinator does not answer: waiting" in caplog.text
    assert "another" not in caplog.text


@pytest.mark.parametrize(("running", "silent_seconds"), [(True, 0.0), (False, 100.0)])
async def test_a_spare_and_a_worker_without_a_broker_are_left_alone(
    watching: Callable[..., Awaitable[None]], running: bool, silent_seconds: float
) -> None:
    seen, reader = Looking("shop-0 at http://other:1 has its id or its address"), Reader(running)
    task = asyncio.ensure_future(watching(seen, reader=reader, silent_seconds=silent_seconds))

    async def looked() -> bool:
        return reader.looks > 3 * BOUND / 0.05

    await wait_for("looks for longer than the bound", looked)
    assert not task.done()
    assert seen.asked == 0
    task.cancel()


@pytest.mark.parametrize(
    ("said", "told"), [(None, "its coordinator does not answer"), ("who is there", "who is there")]
)
async def test_who_fell_out_of_the_group_leaves_with_the_cause(
    watching: Callable[..., Awaitable[None]], said: str | None, told: str
) -> None:
    with pytest.raises(Left, match=f"fell out of its group: AssertionError; {told}"):
        await watching(Looking(said), reader=Reader(running=True), failure="AssertionError")
