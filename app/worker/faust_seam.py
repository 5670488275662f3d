"""The seam around Faust: how its app, consumer, assignor, recovery and web server are changed.

Its other parts are changed where they are used: the table in `tables.batch_table` and `tables.rocksdb`, the channel of
chunks in `agents.events.chunks`, the handling of signals in `app.worker.worker`. Three places touch aiokafka's insides:
`agents.events.reader` (the lock of its coordinator), `agents.kafka.producer` (the way to its socket) and
`agents.kafka.coordinator_requests` (the way to the coordinator). Faust is pinned to one version; whoever raises it
reads these pages and runs the system tests.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, cast

import faust
from aiohttp.web import Application
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.protocol.commit import OffsetCommitRequest
from faust.assignor.partition_assignor import ClientAssignmentMapping, PartitionAssignor
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP, TransportT
from faust.types.assignor import HostToPartitionMap
from faust.types.tables import CollectionT
from faust.web.drivers.aiohttp import Web

FETCH_WAIT_MS = 100
"""Faust waits 1,500 ms for an empty fetch, which is most of every recovery and rebalance."""
STANDBY = "standby:"
"""Before a changelog's name, in what the group knows of a worker: the partitions of which it keeps a copy."""


class PromptThread(AIOKafkaConsumerThread):
    """The thread of Faust's consumer: a short wait for empty fetches, none for a rebalance at the end, a lease."""

    async def on_start(self) -> None:
        """Start the consumer, whose requests to the coordinator go through what the app was given."""
        await super().on_start()
        if isinstance(self.app, StreamApp) and self._consumer is not None:
            self.app.go_between(self._consumer)

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001 - read when the fetcher is made, after this
        return consumer

    async def on_thread_stop(self) -> None:
        """Stop, not waiting for members that a rebalance waits for; `app.worker.membership` leaves the group then."""
        coordinator = getattr(self._consumer, "_coordinator", None)
        if isinstance(coordinator, GroupCoordinator) and coordinator._performed_join_prepare:  # noqa: SLF001
            coordinator._coordination_task.cancel()  # noqa: SLF001
            await asyncio.wait([coordinator._coordination_task])  # noqa: SLF001
            # the broker hears nothing on this connection, which aiokafka would leave by, before it answers the join
            coordinator.generation = OffsetCommitRequest.DEFAULT_GENERATION_ID
        await super().on_thread_stop()


class PromptConsumer(Consumer):
    """Faust's consumer in a prompt thread."""

    def _new_consumer_thread(self) -> PromptThread:
        return PromptThread(self, loop=self.loop, beacon=self.beacon)


class PromptTransport(Transport):
    """Faust's Kafka transport with the prompt consumer."""

    Consumer = PromptConsumer


class TellingAssignor(PartitionAssignor):
    """Faust's assignor, which tells every worker where the standbys are, too: under `STANDBY` and the changelog."""

    def _get_changelog_distribution(self, assignments: ClientAssignmentMapping) -> HostToPartitionMap:
        found = super()._get_changelog_distribution(assignments)
        changelogs = self._table_manager.changelog_topics
        for client, assignment in assignments.items():
            standbys = self._topics_filtered(assignment.standbys, changelogs)
            found[self._member_urls[client]].update({STANDBY + topic: found_at for topic, found_at in standbys.items()})
        return found


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
        thread = self.consumer._thread if self._consumer is not None else None  # type: ignore[attr-defined]  # noqa: SLF001
        coordinator = getattr(getattr(thread, "_consumer", None), "_coordinator", None)
        if not isinstance(coordinator, GroupCoordinator) or self.should_stop:
            return None
        task = coordinator._coordination_task  # noqa: SLF001 - of another thread, but only looked at
        return repr(task.exception()) if task.done() and not task.cancelled() else None

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
