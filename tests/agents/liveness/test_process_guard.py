"""Self-fencing: a gap in the ticks beyond the limit ends the process before anything is sent."""

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
