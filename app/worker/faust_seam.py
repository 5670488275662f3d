"""The seam around Faust: how its app, consumer, assignor, recovery and web server are changed.

Its other parts are changed where they are used: the table in `tables.batch_table` and `tables.rocksdb`, the channel of
chunks in `agents.events.chunks`, the handling of signals in `app.worker.worker`. Three places touch aiokafka's insides:
`agents.events.reader` (the lock of its coordinator), `agents.kafka.producer` (the way to its socket) and
`agents.kafka.coordinator_requests` (the way to the coordinator). Faust is pinned to one version; whoever raises it
reads these pages and runs the system tests.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Any, Protocol, cast

import faust
from aiohttp.web import Application
from aiokafka import AIOKafkaConsumer
from aiokafka.cluster import ClusterMetadata
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.protocol.commit import OffsetCommitRequest
from faust.assignor.client_assignment import ClientMetadata
from faust.assignor.partition_assignor import (
    ClientAssignmentMapping,
    MemberAssignmentMapping,
    MemberMetadataMapping,
    PartitionAssignor,
)
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, Consumer, Transport
from faust.types import TP, AppT, TransportT
from faust.types.assignor import HostToPartitionMap
from faust.types.tables import CollectionT
from faust.web.drivers.aiohttp import Web

FETCH_WAIT_MS = 100
"""Faust waits 1,500 ms for an empty fetch, which is most of every recovery and rebalance."""
STANDBY = "standby:"
"""Before a changelog's name, in what the group knows of a worker: the partitions of which it keeps a copy."""
STANDBYS_WANTED = "standbys wanted"
"""In what a member says of itself, and in what the group knows of it: how many standbys its settings ask for."""
_ASKED = "assignments asked for"
"""In what a member says of itself: a number that is new when it asks, so that the broker takes it for a change."""


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
        if not isinstance(coordinator, GroupCoordinator):
            return
        share_out = coordinator._perform_assignment  # noqa: SLF001

        async def look_and_share_out(response: Any) -> Any:
            # what it knew may be minutes old: topics without partitions, which are there by now
            await coordinator._client.force_metadata_update()  # noqa: SLF001
            return await share_out(response)

        coordinator._perform_assignment = look_and_share_out  # noqa: SLF001

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


class PromptConsumer(Consumer):
    """Faust's consumer in a prompt thread."""

    def _new_consumer_thread(self) -> PromptThread:
        return PromptThread(self, loop=self.loop, beacon=self.beacon)


class PromptTransport(Transport):
    """Faust's Kafka transport with the prompt consumer."""

    Consumer = PromptConsumer


class TellingAssignor(PartitionAssignor):
    """Faust's assignor, which tells more, and makes standbys while any member wants them.

    Every worker hears where the standbys are (under `STANDBY` and the changelog), and with which setting of its own the
    assignment was made (`STANDBYS_WANTED`). Faust would go by the setting of whoever leads the group, so that standbys
    would come and go while workers with another setting come, one after the other; and a new worker that was started
    without the setting shall take them from nobody.

    Attributes
    ----------
    asked : how often this member asked for a new assignment. The group shares out again when what a member says of
        itself has changed, and does not when a static member comes back: so it would keep a wrong assignment for good.
    """

    def __init__(self, app: AppT, replicas: int = 0) -> None:
        super().__init__(app, replicas)
        self.asked = 0
        self._own_wish = replicas
        self._wishes: dict[str, int] = {}

    @property
    def _metadata(self) -> ClientMetadata:
        said = super()._metadata
        said.topic_groups = {**said.topic_groups, STANDBYS_WANTED: self._own_wish, _ASKED: self.asked}
        return said

    def _perform_assignment(
        self, cluster: ClusterMetadata, member_metadata: MemberMetadataMapping
    ) -> MemberAssignmentMapping:
        said = {member: self._get_client_metadata(metadata) for member, metadata in member_metadata.items()}
        wishes = {member: told.topic_groups.get(STANDBYS_WANTED) for member, told in said.items()}
        self._wishes = {member: wish for member, wish in wishes.items() if wish is not None}
        self.replicas = max(self._wishes.values(), default=self._own_wish)
        return super()._perform_assignment(cluster, member_metadata)

    def _get_changelog_distribution(self, assignments: ClientAssignmentMapping) -> HostToPartitionMap:
        found = super()._get_changelog_distribution(assignments)
        changelogs = self._table_manager.changelog_topics
        for client, assignment in assignments.items():
            standbys = self._topics_filtered(assignment.standbys, changelogs)
            told = found[self._member_urls[client]]
            told.update({STANDBY + topic: found_at for topic, found_at in standbys.items()})
            if client in self._wishes:
                told[STANDBYS_WANTED] = [self._wishes[client]]
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
