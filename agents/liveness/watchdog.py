"""Liveness is progress: what should move and does not ends the process, and its restart repairs it.

A worker can be in its group, with heartbeats, and do nothing: a fetch that is stuck, an agent that ended, a write that
never returns. Each is looked at once a second. A broker that is away is none of these, and the business of
`agents.liveness.lease`. An event loop that stands still cannot look; `agents.liveness.loop_guard` watches that from
outside.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass

from prometheus_client import Gauge

from agents.liveness.exit_status import EXIT_RETRY, EXIT_STUCK
from agents.liveness.supervisor import Supervisor

_log = logging.getLogger(__name__)
_EVERY_SECONDS = 1.0
AWAY_SECONDS = 5.0
"""A broker that has been silent for so long is away; nothing can be expected to move then."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a worker is doing now.

    Parameters
    ----------
    silent_seconds : how long the broker has not answered.
    ends : where each running partition ends, as the broker says.
    fetched : how far each has been fetched.
    working : whether a chunk waits, is prepared or is written.
    writing : whether one is written.
    stored : something that changes when a chunk is stored.
    """

    silent_seconds: float
    ends: Mapping[int, int]
    fetched: Mapping[int, int]
    working: bool
    writing: bool
    stored: Hashable


@dataclass(frozen=True, slots=True)
class Standstill:
    """Something that should move and has not for `seconds`; what it is, in a word and in words, and the exit status."""

    what: str
    seconds: float
    reason: str
    status: int


class Watchdog:
    """Finds standstills and ends the process over them.

    Parameters
    ----------
    vitals : what to look at.
    stuck_seconds : a standstill of so long ends the process; half of it is warned of.
    supervisor : ends it.
    seconds_metric : by what stands still, for how long.
    clock : seconds, monotonic.
    """

    def __init__(
        self,
        vitals: Callable[[], Vitals],
        stuck_seconds: float,
        supervisor: Supervisor,
        seconds_metric: Gauge,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._vitals = vitals
        self._stuck_seconds = stuck_seconds
        self._supervisor = supervisor
        self._seconds_metric = seconds_metric
        self._clock = clock
        self._before: dict[Hashable, tuple[Hashable, float]] = {}
        self._moved: dict[Hashable, tuple[Hashable, float]] = {}
        """By what should move: where it was seen first, and when; of the last look and of this one."""
        self._warned: set[str] = set()
        self.worst: Standstill | None = None
        """The longest standstill at the last look, None when everything moves that should."""

    async def run(self) -> None:
        """Look once a second, for ever."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            self.look()

    def look(self) -> None:
        """Look once: tell of standstills, and leave when one has lasted too long."""
        vitals = self._vitals()
        self._before, self._moved = self._moved if vitals.silent_seconds <= AWAY_SECONDS else {}, {}
        found = [standstill for standstill in (self._work(vitals), self._fetch(vitals)) if standstill is not None]
        for what in ("write", "agent", "fetch"):
            self._seconds_metric.labels(what).set(max((at.seconds for at in found if at.what == what), default=0.0))
        self.worst = max(found, key=lambda standstill: standstill.seconds, default=None)
        self._tell(found)

    @property
    def doubtful(self) -> Standstill | None:
        """The longest standstill once it has lasted half as long as a worker may stand still."""
        worst = self.worst
        return worst if worst is not None and worst.seconds > self._stuck_seconds / 2 else None

    def _work(self, vitals: Vitals) -> Standstill | None:
        """Find a chunk that is not applied, for its changelog does not acknowledge it, or its agent hangs."""
        seconds = self._still("work", vitals.stored if vitals.working else None)
        if not seconds:
            return None
        if vitals.writing:
            reason = f"a chunk is being written for {seconds:.0f} s, and its changelog does not acknowledge it"
            return Standstill("write", seconds, reason, EXIT_RETRY)
        return Standstill("agent", seconds, f"events wait, and none was applied for {seconds:.0f} s", EXIT_STUCK)

    def _fetch(self, vitals: Vitals) -> Standstill | None:
        """Find events that the broker has and the reader does not fetch."""
        worst: Standstill | None = None
        for partition, fetched in vitals.fetched.items():
            end = vitals.ends.get(partition, 0)
            seconds = self._still(("fetch", partition), fetched if end > fetched else None)
            if seconds and (worst is None or seconds > worst.seconds):
                reason = f"partition {partition} ends at offset {end}, and nothing behind {fetched} was fetched for"
                worst = Standstill("fetch", seconds, f"{reason} {seconds:.0f} s", EXIT_STUCK)
        return worst

    def _still(self, what: Hashable, mark: Hashable | None) -> float:
        """Return how long `mark` has been the same; None for what need not move, and so never stands still."""
        if mark is None:
            return 0.0
        now = self._clock()
        known, since = self._before.get(what, (None, now))
        self._moved[what] = mark, since if mark == known else now
        return now - self._moved[what][1]

    def _tell(self, found: list[Standstill]) -> None:
        doubtful = {standstill.what for standstill in found if standstill.seconds > self._stuck_seconds / 2}
        for standstill in found:
            if standstill.seconds > self._stuck_seconds:
                self._supervisor.leave(standstill.reason, standstill.status)
            if standstill.what in doubtful - self._warned:
                _log.warning("%s; leaving after %.0f s", standstill.reason, self._stuck_seconds)
        self._warned = doubtful
