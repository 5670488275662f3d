"""Recovery of the users table: its partitions are read from the changelog, and standbys follow it.

Faust hands changelog records over one by one, five asyncio tasks each. Here whole fetches go into a partition's
database, a few partitions at a time, so that the first ones run while others are still read. Completeness is asked of
the broker, not believed: a partition's database must hold the changelog to its end.

Partitions that nobody leads are left over, and complete when their leaders are back; recovery stands still only where a
leader answers and nothing moves.
"""

import asyncio
import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer

from agents.changelog.catch_up import PARTITIONS_AT_ONCE, STANDBY_SECONDS, CatchUp
from agents.changelog.errors import ChangelogLost
from agents.changelog.metrics import ChangelogMetrics
from agents.kafka.connection import Connection
from agents.kafka.leaders import LeaderQuestions, learn_leaders
from agents.liveness.supervisor import Supervisor
from tables.batch_table import BatchTable

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class RecoveryBounds:
    """Limits of recovery.

    Parameters
    ----------
    fetch_bytes : of changelog in one fetch; about three times as much is in memory.
    fetch_wait_ms : how long the broker may hold an empty fetch back.
    standstill_seconds : when recovery has not moved for so long, the worker leaves and starts again.
    """

    fetch_bytes: int
    fetch_wait_ms: int
    standstill_seconds: float


class Recovery:
    """Makes the partitions of each assignment complete; see the module.

    Parameters
    ----------
    connection, table : which changelog, and where to.
    bounds : limits.
    supervisor : ends the process when it fails or stands still.
    metrics : how far it is.
    """

    def __init__(
        self,
        connection: Connection,
        table: BatchTable,
        bounds: RecoveryBounds,
        supervisor: Supervisor,
        metrics: ChangelogMetrics,
    ) -> None:
        self._connection = connection
        self._table = table
        self._bounds = bounds
        self._supervisor = supervisor
        self._metrics = metrics
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None
        self._complete: set[int] = set()
        self._changed = asyncio.Event()
        self._questions: LeaderQuestions | None = None

    async def connect(self) -> None:
        """Connect; it takes a moment."""
        consumer = AIOKafkaConsumer(
            **self._connection.client_options(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=self._bounds.fetch_wait_ms,
            fetch_max_bytes=self._bounds.fetch_bytes,
            max_partition_fetch_bytes=max(1, self._bounds.fetch_bytes // PARTITIONS_AT_ONCE),
        )
        await consumer.start()
        await learn_leaders(consumer, self._table.changelog_topic_name)
        self._consumer = consumer

    def begin(self, own: Iterable[int], standbys: Iterable[int]) -> None:
        """Begin with an assignment: recover the own partitions, then follow the standbys until `end`."""
        if self._consumer is None or self._task is not None:
            raise RuntimeError("recovery is not connected, or the previous assignment has not ended")
        self._complete, self._changed = set(), asyncio.Event()
        self._table.complete_standbys &= {*own, *standbys}
        self._metrics.partitions_standby.set(len(self._table.complete_standbys.intersection(standbys)))
        self._questions = LeaderQuestions(self._connection, self._consumer, self._bounds.standstill_seconds)
        self._task = asyncio.create_task(self._run(self._questions, set(own), set(standbys)), name="recovery")
        self._supervisor.watch(self._task, ChangelogLost)

    async def completed(self, *, wait: bool) -> set[int]:
        """Return the partitions that became complete since the last call, after at least one did if `wait`."""
        if wait:
            await self._changed.wait()
        self._changed.clear()
        complete, self._complete = self._complete, set()
        return complete

    @property
    def leaderless(self) -> set[int]:
        """The own partitions that are not complete because nobody has answered for their changelog for long."""
        return set() if self._questions is None else self._questions.leaderless

    async def end(self) -> None:
        """End the assignment; nothing is written after it returns. Never raises."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        if self._questions is not None:
            self._questions.close()
            self._questions = None
        if self._consumer is not None:  # aiokafka may hang in a stop that follows an unsubscription closely
            self._consumer.pause(*self._consumer.assignment())
        self._metrics.behind_records.set(0)

    async def stop(self) -> None:
        """End and disconnect, for good."""
        await self.end()
        if self._consumer is not None:
            await self._consumer.stop()
            self._consumer = None

    async def _run(self, questions: LeaderQuestions, own: set[int], standbys: set[int]) -> None:
        try:
            await self._recover(questions, own, standbys)
        except ChangelogLost:
            self._table.flush_databases(wait=True)  # the process ends now, and they may hold the only copy
            raise

    async def _recover(self, questions: LeaderQuestions, own: set[int], standbys: set[int]) -> None:
        started = time.monotonic()
        for partition in standbys:
            self._table.open(partition)
        await self._opened(own)
        catch_up = CatchUp(questions, self._table, own, standbys)
        self._announce(await catch_up.begin())
        moved, told = time.monotonic(), False
        while catch_up.missing or standbys:
            if not catch_up.missing and not told:
                told = True
                _tell_complete(own, catch_up, time.monotonic() - started)
            self._metrics.behind_records.set(catch_up.behind)
            stepped = await catch_up.step()
            complete = await catch_up.settle()
            self._announce(complete)
            if stepped or complete or not catch_up.led:
                moved = time.monotonic()
            elif time.monotonic() - moved > self._bounds.standstill_seconds:
                self._supervisor.leave(
                    f"recovery of {catch_up.led} stands still for {self._bounds.standstill_seconds} s"
                )
            if not catch_up.led:
                self._follow(catch_up, standbys)
            elif time.monotonic() - started > STANDBY_SECONDS:  # nobody asks about standbys meanwhile
                self._table.complete_standbys -= standbys
        self._metrics.behind_records.set(0)
        if not told:
            _tell_complete(own, catch_up, time.monotonic() - started)

    def _follow(self, catch_up: CatchUp, standbys: set[int]) -> None:
        """Note which standbys are complete."""
        complete = catch_up.complete_standbys()
        self._table.complete_standbys -= standbys - complete
        self._table.complete_standbys |= complete
        self._metrics.partitions_standby.set(len(self._table.complete_standbys))

    def _announce(self, complete: set[int]) -> None:
        if complete:
            self._table.note_current(complete)
            self._complete |= complete
            self._changed.set()

    async def _opened(self, partitions: set[int]) -> None:
        """Wait until Faust has opened the databases."""
        deadline = time.monotonic() + self._bounds.standstill_seconds
        while unopened := [partition for partition in partitions if self._table.database(partition) is None]:
            if time.monotonic() > deadline:
                self._supervisor.leave(
                    f"the databases of {unopened} are not open after {self._bounds.standstill_seconds} s"
                )
            await asyncio.sleep(_POLL_SECONDS)


def _tell_complete(own: set[int], catch_up: CatchUp, seconds: float) -> None:
    _log.info(
        "partitions %s are complete after %.2f s: %d changelog records read, %d of them older than what was there",
        sorted(own),
        seconds,
        catch_up.replayed,
        catch_up.older,
    )
