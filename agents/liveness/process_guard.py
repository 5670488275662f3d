"""A process that slept may have lost its partitions without knowing, so it must not write.

A stopped process, a frozen virtual machine or a blocked event loop all look the same from inside: the clock
jumped between two ticks. Past half of the session timeout the group may already have given the partitions away.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

from agents.liveness.supervisor import Supervisor

_TICK_SECONDS = 0.1


seconds_since_boot: Final[Callable[[], float]] = partial(time.clock_gettime, time.CLOCK_BOOTTIME)
"""A clock that nobody sets and that goes on while the machine is suspended."""


class ProcessGuard:
    """Ends the process when the event loop did not run for `limit_seconds`.

    Parameters
    ----------
    limit_seconds : half of the group's session timeout.
    supervisor : ends it.
    clock : seconds, monotonic, counting while the machine is suspended.
    """

    def __init__(
        self,
        limit_seconds: float,
        supervisor: Supervisor,
        clock: Callable[[], float] = seconds_since_boot,
    ) -> None:
        self._limit = limit_seconds
        self._supervisor = supervisor
        self._clock = clock
        self._last = clock()

    def check(self) -> None:
        """Leave when the last tick is too long ago; called before anything is sent to the broker."""
        asleep = self._clock() - self._last
        if asleep > self._limit:
            self._supervisor.leave(
                f"this process did not run for {asleep:.1f} s, more than {self._limit:.1f} s; others may own its work"
            )

    async def run(self) -> None:
        """Tick for ever."""
        self._last = self._clock()
        while True:
            self.check()
            self._last = self._clock()
            await asyncio.sleep(_TICK_SECONDS)

    def guarded(self, send: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        """Return `send` with a check right before it: the last gate in front of the socket."""

        async def checked(*args: Any, **kwargs: Any) -> Any:
            self.check()
            return await send(*args, **kwargs)

        return checked
