"""What is wrong with the assignment of partitions, and asking the group for another one.

A group keeps its assignment while its members stay and come back, right or wrong. It is wrong when partitions have no
owner, for their topics were missing when the leader shared them out; and when it was made with another setting of
`worker.standby_replicas` than this worker has by now. Whoever sees either for a session timeout asks for another one,
which costs every member a short pause, and therefore seldom: one try a session timeout, later in larger steps, and
each worker at a time of its own.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from aiokafka.errors import KafkaError

from agents.kafka.partitions import named
from agents.kafka.topics import TopicMismatch

_log = logging.getLogger(__name__)
_LOOK_SECONDS = 1.0
_DOUBLINGS = 4
"""Each try that changed nothing doubles the time to the next one, up to 16 session timeouts."""


class LastAssignment(Protocol):
    """What every member knows of the last assignment."""

    @property
    def partitions(self) -> int:
        """Number of partitions."""

    def unserved(self) -> list[int]:
        """Return the partitions without an owner."""

    def standbys_wanted(self) -> int | None:
        """Return how many standbys this worker wanted when the assignment was made, None where it does not say."""


class Group(Protocol):
    """The group that is asked."""

    @property
    def generation(self) -> int:
        """The number of the assignment; it grows."""

    def ask_for_assignment(self) -> None:
        """Let the group share its partitions out again."""


class Reassignment:
    """Looks at the assignment, and asks for another one while it is wrong.

    Parameters
    ----------
    assignment : the last one.
    group : is asked.
    hindrance : why asking would not help now, None when it would; it is told whether all partitions are served. May
        raise `TopicMismatch`, `KafkaError`, `OSError` or `TimeoutError`.
    standbys : that this worker wants.
    session_seconds : the session timeout.
    clock : seconds, monotonic.
    chance : from 0 to 1, for the part of a session timeout that this worker waits longer than it must.
    """

    def __init__(
        self,
        *,
        assignment: LastAssignment,
        group: Group,
        hindrance: Callable[[bool], Awaitable[str | None]],
        standbys: int,
        session_seconds: float,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,  # noqa: S311 - no secret
    ) -> None:
        self._assignment = assignment
        self._group = group
        self._hindrance = hindrance
        self._standbys = standbys
        self._session_seconds = session_seconds
        self._clock = clock
        self._chance = chance
        self._generation = -1
        self._due = 0.0
        self._tries = 0
        self._hindered: str | None = None

    async def run(self) -> None:
        """Look once a second, for ever."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            await self.look()

    @property
    def unserved(self) -> str | None:
        """Which partitions no worker has, and what must happen first where something must; None when all are served."""
        missing = self._missing()
        return f"{missing}; {self._hindered}" if missing and self._hindered else missing

    async def look(self) -> None:
        """Look once; ask when the assignment has been wrong for long enough, and asking may help."""
        now, generation = self._clock(), self._group.generation
        fault = self._fault()
        if fault is None:
            self._tries, self._hindered, self._generation = 0, None, -1
            return
        if generation != self._generation:  # a wrong one that is new
            self._generation, self._due = generation, now + self._wait()
        if now < self._due:
            return
        self._due = now + self._wait()
        hindered = await self._hindered_by()
        if hindered is not None:
            if hindered != self._hindered:
                _log.warning("%s; %s", fault, hindered)
            self._hindered = hindered
            return
        self._hindered = None
        self._tries += 1
        self._due = now + self._wait()
        _log.warning("%s; asking the group for another assignment, try %d", fault, self._tries)
        self._group.ask_for_assignment()

    def _fault(self) -> str | None:
        """Return what is wrong with the assignment; None before there is one."""
        if self._group.generation <= 0:
            return None
        if (missing := self._missing()) is not None:
            return missing
        wanted = self._assignment.standbys_wanted()
        if wanted in {None, self._standbys}:
            return None
        return f"the assignment was made while this worker's worker.standby_replicas was {wanted}, not {self._standbys}"

    def _missing(self) -> str | None:
        missing = self._assignment.unserved()
        if not missing:
            return None
        return f"no worker has {len(missing)} of {self._assignment.partitions} partitions: {named(missing)}"

    def _wait(self) -> float:
        """Return the seconds to the next try: a session timeout, and up to another one, times what was tried."""
        return self._session_seconds * (1 << min(self._tries, _DOUBLINGS)) * (1.0 + self._chance())

    async def _hindered_by(self) -> str | None:
        try:
            return await self._hindrance(not self._assignment.unserved())
        except TopicMismatch as error:
            return str(error)
        except (KafkaError, OSError, TimeoutError) as error:
            return f"the broker does not say what there is: {error!r}"
