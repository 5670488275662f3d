"""Ownership is a lease: how long this worker may act as a member of its group, by its own clock.

The group's coordinator gives a member's partitions away when it has not heard of it for the session timeout. A worker
cannot see that happen, whether its heartbeats are held up, its connection is half-open, or the coordinator or the whole
broker is gone. But it knows when it sent the last request that was *answered*, and the coordinator heard of it no
sooner. So one clock is enough, and all of these are one case:

- up to three quarters of the session timeout after that request the lease is held;
- from then on it is *lapsed*: nothing is written, and no answer claims to be fresh. An answer of the coordinator that
  comes in time ends that, and nothing is lost;
- after the session timeout others may own the partitions, and the process ends itself. Its restart goes on from the
  position, if it has a broker.

A member that joins has no partitions, for they are revoked before, and the coordinator answers it only when all others
have joined, too. So a join that is pending has a lease of its own, long enough for that, in which nothing is written.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from prometheus_client import Counter

from agents.liveness.process_guard import seconds_since_boot
from agents.liveness.supervisor import Supervisor

_log = logging.getLogger(__name__)
HELD_PART: Final = 0.75
"""Of the session timeout; the rest is for what is on its way, and for clocks that do not run at one pace."""
_TICK_SECONDS = 0.1
_LOOK_SECONDS = 0.02


class _State(Enum):
    """What the coordinator takes this worker for, as far as it knows."""

    JOINING = auto()
    MEMBER = auto()
    UNKNOWN = auto()


class Lease:
    """What one worker knows of its own membership.

    The coordinator's requests tell it, on another thread; everybody else asks, on the event loop. Each of its times is
    one float, and they are set in an order in which no reader takes a lapsed lease for a held one.

    Parameters
    ----------
    session_seconds : the session timeout of the group.
    join_seconds : how long a join may be pending without any answer.
    supervisor : ends the process.
    lapses : counts how often a held lease lapsed.
    clock : seconds, monotonic, counting while the machine is suspended.
    """

    def __init__(
        self,
        session_seconds: float,
        join_seconds: float,
        supervisor: Supervisor,
        lapses: Counter,
        clock: Callable[[], float] = seconds_since_boot,
    ) -> None:
        self._session_seconds = session_seconds
        self._join_seconds = join_seconds
        self._supervisor = supervisor
        self._lapses = lapses
        self.clock = clock
        self._state = _State.JOINING
        self._answered = clock()
        self._held_until = -math.inf
        self._ends_at = self._answered + join_seconds
        self._told = False

    @property
    def lapsed(self) -> bool:
        """Whether nothing may be written, and no answer is fresh; a look at the clock, half a microsecond."""
        return self.clock() >= self._held_until

    @property
    def age_seconds(self) -> float:
        """How long ago the last request was sent that the coordinator answered."""
        return self.clock() - self._answered

    @property
    def reason(self) -> str:
        """Why a lease is lapsed, in words."""
        if self._state is _State.UNKNOWN:
            return "the group's coordinator does not know this worker any more"
        return f"the group's coordinator has not answered for {self.age_seconds:.1f} s"

    def joins(self) -> None:
        """Note that a join is sent: the partitions are revoked, and the answer comes when all others have joined."""
        self._held_until = -math.inf
        if self._state is not _State.JOINING:
            self._state = _State.JOINING
            self._ends_at = self.clock() + self._join_seconds

    def join_answered(self) -> None:
        """Note that the coordinator answered something to a member that joins and has no partitions yet."""
        self._answered = self.clock()
        self._ends_at = self._answered + self._join_seconds

    def synced(self, sent: float) -> None:
        """Note that the coordinator gave this member its partitions, which it asked for at `sent`.

        It may have waited for the leader of the group before that. Where this took long the lease is lapsed until the
        next heartbeat is answered, and has the time for one.
        """
        self._state = _State.MEMBER
        self._hold(max(sent, self.clock() - HELD_PART * self._session_seconds))

    def answered(self, sent: float) -> None:
        """Note that the coordinator knows this member, as it answered to a heartbeat that was sent at `sent`."""
        if self._state is _State.MEMBER:
            self._hold(max(sent, self._answered))

    def lost(self) -> None:
        """Note that the coordinator does not know this member any more: others may own its partitions by now."""
        self._held_until = -math.inf
        if self._state is _State.MEMBER:
            self._state = _State.UNKNOWN

    async def held(self) -> None:
        """Wait while the lease is lapsed; the process ends when that takes too long."""
        while self.lapsed:
            self.check()
            await asyncio.sleep(_LOOK_SECONDS)

    def check(self) -> None:
        """Leave when the lease is over; tell of one that lapses, once."""
        now, joins = self.clock(), self._state is _State.JOINING
        if now >= self._ends_at:
            what = "nothing came of its join" if joins else "others may own its partitions"
            self._supervisor.leave(f"{self.reason}: {what}, so this worker ends")
        if now < self._held_until:
            if self._told:
                _log.info("the group's coordinator answers again: rows are written, and answers are fresh")
            self._told = False
        elif not joins and not self._told:
            self._told = True
            self._lapses.inc()
            left = self._ends_at - now
            _log.warning("%s: nothing is written, no answer is fresh, and the end is in %.1f s", self.reason, left)

    async def run(self, check_awake: Callable[[], None]) -> None:
        """Look for ever, from before the first join on; `check_awake` ends a process that slept, which it can name."""
        self.join_answered()
        while True:
            check_awake()
            self.check()
            await asyncio.sleep(_TICK_SECONDS)

    def _hold(self, since: float) -> None:
        self._answered = since
        self._ends_at = since + self._session_seconds
        self._held_until = since + HELD_PART * self._session_seconds
