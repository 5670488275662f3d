"""Self-fencing: a gap in the ticks beyond the limit ends the process before anything is sent."""

import asyncio

import pytest

from agents.liveness.process_guard import ProcessGuard
from tests.support.leaving import LeavingSupervisor, Left


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_send_within_the_limit_goes_out_and_one_after_a_sleep_does_not() -> None:
    clock, sent = Clock(), []

    async def send(what: str, *, where: str) -> str:
        sent.append((what, where))
        return "acknowledged"

    guarded = ProcessGuard(5.0, LeavingSupervisor(), clock).guarded(send)
    clock.now = 105.0
    assert await guarded("rows", where="broker") == "acknowledged"
    clock.now = 105.1
    with pytest.raises(Left, match=r"did not run for 5\.1 s"):
        await guarded("rows", where="broker")
    assert sent == [("rows", "broker")]


async def test_a_guard_that_wakes_up_first_ends_the_process_before_it_ticks_again() -> None:
    clock, supervisor = Clock(), LeavingSupervisor()
    ticking = asyncio.create_task(ProcessGuard(5.0, supervisor, clock).run())
    await asyncio.sleep(0)
    assert not ticking.done()
    clock.now = 106.0
    await asyncio.wait([ticking], timeout=10)
    assert isinstance(ticking.exception(), Left)
    assert supervisor.reasons == ["this process did not run for 6.0 s, more than 5.0 s; others may own its work"]
