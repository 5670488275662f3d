"""The seam around Faust: how its app, consumer, assignor, recovery and web server are changed.

Its other parts are changed where they are used: the table in `tables.batch_table` and `tables.rocksdb`, the channel of
chunks in `agents.events.chunks`, the assignor in `app.worker.assignor`, the handling of signals in `app.worker.worker`.
Other places touch aiokafka's insides: `agents.events.source` (the lock of its coordinator), `agents.kafka.producer`
(the way to its socket), `agents.kafka.producer_claims` (whose a batch is), `agents.kafka.coordinator_requests` (the way
to the coordinator) and `agents.kafka.broker_probe` (who leads what). Faust is pinned to one version; whoever raises it
reads these pages and runs the system tests.
"""

import asyncio
import contextlib
import math
from collections.abc import Callable
from typing import Any, Protocol, cast

import faust
from aiohttp.web import Application
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.protocol.commit import OffsetCommitRequest
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP, TransportT
from faust.types.tables import CollectionT
from faust.web.drivers.aiohttp import Web

from app.worker.assignor import TellingAssignor

FETCH_WAIT_MS = 100
"""Faust waits 1,500 ms for an empty fetch, which is most of every recovery and rebalance."""
_LOOK_SECONDS = 1.0
"""How long a leader waits to hear which topics there are; all members wait for it."""


class PromptThread(AIOKafkaConsumerThread):
    """The thread of Faust's consumer: prompt in fetching and stopping, and a member of its group as long as it lives.

    aiokafka drops a member that has not polled for a while, and lets it not come back. Faust does not poll without
    partitions, so a spare worker would be gone after that while; here our own guards look after progress, and the
    lease after the membership.
    """

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # both are read when the consumer starts, after this
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001
        consumer._max_poll_interval_ms = math.inf  # noqa: SLF001
        return consumer

    async def on_start(self) -> None:
        """Start the consumer, whose requests to the coordinator go through what the app was given.

        Should it lead its group, it looks which topics there are before it shares them out.
        """
        await super().on_start()
        if isinstance(self.app, StreamApp) and self._consumer is not None:
            self.app.go_between(self._consumer)
        coordinator = getattr(self._consumer, "_coordinator", None)
        if isinstance(coordinator, GroupCoordinator):
            look_before_sharing_out(coordinator)

    def ask_for_assignment(self) -> None:
        """Let the group share its partitions out again, without leaving it; called from any thread."""
        self.thread_loop.call_soon_threadsafe(self._ask_for_assignment)

    def _ask_for_assignment(self) -> None:
        coordinator, assignor = getattr(self._consumer, "_coordinator", None), self.app.assignor
        if isinstance(coordinator, GroupCoordinator) and isinstance(assignor, TellingAssignor):
            assignor.asked += 1
            coordinator.request_rejoin()

    async def on_thread_stop(self) -> None:
        """Stop, not waiting for members that a rebalance waits for; `app.worker.membership` leaves the group then."""
        coordinator = getattr(self._consumer, "_coordinator", None)
        if isinstance(coordinator, GroupCoordinator) and coordinator._performed_join_prepare:  # noqa: SLF001
            coordinator._coordination_task.cancel()  # noqa: SLF001
            await asyncio.wait([coordinator._coordination_task])  # noqa: SLF001
            # the broker hears nothing on this connection, which aiokafka would leave by, before it answers the join
            coordinator.generation = OffsetCommitRequest.DEFAULT_GENERATION_ID
        await super().on_thread_stop()


def look_before_sharing_out(coordinator: GroupCoordinator) -> None:
    """Let a coordinator ask which topics there are before it shares them out, should it lead its group.

    What it knows may be minutes old: topics that were missing and are there by now. The members wait for it, so it goes
    by what it knows where no broker answers soon.
    """
    share_out = coordinator._perform_assignment  # noqa: SLF001

    async def look_and_share_out(response: Any) -> Any:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await coordinator._client.force_metadata_update()  # noqa: SLF001
        return await share_out(response)

    coordinator._perform_assignment = look_and_share_out  # noqa: SLF001


class PromptConsumer(Consumer):
    """Faust's consumer in a prompt thread."""

    def _new_consumer_thread(self) -> PromptThread:
        return PromptThread(self, loop=self.loop, beacon=self.beacon)


class PromptTransport(Transport):
    """Faust's Kafka transport with the prompt consumer."""

    Consumer = PromptConsumer


class BareWeb(Web):
    """Faust's web server without its pages: no tables, router, statistics, graph or index."""

    default_blueprints = ()
    production_blueprints = ()
    debug_blueprints = ()
    optional_blueprints = ()


class NoRecovery(Recovery):
    """Faust's recovery with no partition in it: `agents.changelog` makes tables complete and follows standbys.

    It still ends each rebalance: the membership topic flows again, and the worker counts as ready.
    """

    def add_active(self, table: CollectionT, tp: TP) -> None:
        """Leave an own partition out."""

    def add_standby(self, table: CollectionT, tp: TP) -> None:
        """Leave a standby out."""


class PromptTables(TableManager):
    """Faust's tables without its recovery, and without the second that it waits at the start for more tables."""

    async def on_start(self) -> None:
        """Open for assignments; every table is registered already."""
        await self._update_channels()
        await self.recovery.start()

    @property
    def recovery(self) -> Recovery:
        """The service that ends rebalances."""
        if self._recovery is None:
            self._recovery = NoRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery


class Lifecycle(Protocol):
    """What begins and ends with an app, and with its partitions."""

    async def start(self) -> None:
        """Start; awaited before Faust's services start."""

    async def stop(self) -> None:
        """Stop; awaited before Faust closes the tables. Nothing may be written afterwards."""

    async def assigned(self) -> None:
        """Begin with the partitions that were assigned; their databases are open."""

    async def revoked(self) -> None:
        """End with the partitions; the group waits for it."""


class StreamApp(faust.App):
    """A Faust app that starts and stops this project's own parts at the right moments."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lifecycle: Lifecycle | None = None
        self.go_between: Callable[[AIOKafkaConsumer], None] = lambda _: None
        """Called with the group's consumer, on its thread, when it has started and not subscribed."""

    def begins_and_ends(self, lifecycle: Lifecycle) -> None:
        """Let parts begin and end with this app, which has not started; called once."""
        if self._lifecycle is not None:
            raise RuntimeError("the parts of this app are given already")
        self._lifecycle = lifecycle

        async def on_assigned(*_: object, **__: object) -> None:
            if not self.should_stop:
                await lifecycle.assigned()

        async def on_revoked(*_: object, **__: object) -> None:
            await lifecycle.revoked()

        self.on_partitions_assigned.connect(on_assigned, weak=False)
        self.on_partitions_revoked.connect(on_revoked, weak=False)

    @property
    def http(self) -> Application:
        """The aiohttp application that Faust's web server serves."""
        return cast(Web, self.web).web_app

    def group_failure(self) -> str | None:
        """Return why this worker is no member of its group any more; None while it is, or tries.

        An error in the assignor or the coordinator ends aiokafka's task for good, and nobody else looks at it.
        """
        coordinator = getattr(getattr(self._consumer_thread, "_consumer", None), "_coordinator", None)
        if not isinstance(coordinator, GroupCoordinator) or self.should_stop:
            return None
        task = coordinator._coordination_task  # noqa: SLF001 - of another thread, but only looked at
        return repr(task.exception()) if task.done() and not task.cancelled() else None

    @property
    def generation(self) -> int:
        """The number of the assignment that this worker has; 0 before the first one."""
        return int(self.consumer_generation_id)

    def ask_for_assignment(self) -> None:
        """Let the group share its partitions out again; nobody leaves it for that."""
        thread = self._consumer_thread
        if isinstance(thread, PromptThread):
            thread.ask_for_assignment()

    @property
    def _consumer_thread(self) -> object:
        return self.consumer._thread if self._consumer is not None else None  # type: ignore[attr-defined]  # noqa: SLF001

    async def on_start(self) -> None:
        """Start the own parts, then Faust's."""
        if self._lifecycle is not None:
            await self._lifecycle.start()
        await super().on_start()

    async def on_stop(self) -> None:
        """Stop the own parts while the tables are still open, then Faust's."""
        if self._lifecycle is not None:
            await self._lifecycle.stop()
        await super().on_stop()

    def _new_transport(self) -> TransportT:
        return PromptTransport(self.conf.broker_consumer, self)

    def _new_web(self) -> Web:
        return BareWeb(self)
