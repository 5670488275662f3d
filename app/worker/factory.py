"""The whole system on one screen: every topic, table, agent and reader, made here and registered by name.

There is no global app. `create_worker` makes a worker's parts from settings and wires them; nothing runs, and no
connection is opened, before Faust starts it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import islice
from typing import Any

from faust.types import ChannelT, StreamT

from agents.changelog.changelog_places import ChangelogPlaces
from agents.changelog.checkpointing import Checkpointing
from agents.changelog.mender import Mender, mend_regularly
from agents.changelog.partition_watch import LeaveWhenBroken
from agents.changelog.recovery import Recovery, RecoveryBounds
from agents.changelog.table_flusher import flush_regularly
from agents.events.chunk_agent import ChunkProcessor, make_chunk_agent, make_membership_agent
from agents.events.chunk_sizes import ChunkSizes
from agents.events.chunks import make_chunk_channel
from agents.events.member_events import MemberEvents, UserBounds
from agents.events.reader import Reader, ReaderBounds
from agents.kafka.broadcast import BroadcastReader
from agents.kafka.broker_probe import BrokerProbe
from agents.kafka.producer import MAX_BATCH_BYTES, TopicChangelog
from agents.liveness.background import Background
from agents.liveness.watchdog import Vitals, Watchdog, must_not_end
from agents.metrics import Metrics
from agents.popularity.own_popularity import POPULARITY_PREFIX, OwnPopularity
from agents.popularity.popularity_publisher import publish_popularity
from agents.rollout.rescoring import Rescoring, RescoringBounds
from agents.users.erasure import Erasure
from agents.users.ownership import Ownership
from agents.users.pending_rows import PendingRows
from agents.users.row_writer import RowWriter
from agents.users.user_scores import UserScores
from agents.users.users import Users
from app.publishing.activation import Activation, publisher_of
from app.query import QuerySettings, QueryView, attach
from app.settings.settings import Settings
from app.worker.broadcast_state import BroadcastState, make_broadcast_state
from app.worker.faust_app import assignment_of, make_faust_app, make_users_table, raw_topic
from app.worker.faust_seam import StreamApp
from app.worker.garbage import spare_what_stays
from app.worker.health import WorkerHealth
from app.worker.membership import watch_membership
from app.worker.routing import AssignmentRouting
from app.worker.shared import Shared, make_shared
from tables.batch_table import BatchTable
from tables.data_folder import Mark

_CHUNKS_IN_A_DRAIN = 4
"""A revocation waits for a chunk that is prepared, and for one that is written; half of its time is to spare."""
_ROWS_AT_ONCE = 2_000
"""Rows of popularity that are taken over between two looks at queries."""


@dataclass(frozen=True, slots=True)
class EventPath:
    """The way of the member events through one worker."""

    ownership: Ownership
    own_popularity: OwnPopularity
    writer: RowWriter
    rescoring: Rescoring
    reader: Reader
    probe: BrokerProbe
    watchdog: Watchdog


def create_worker(settings: Settings, at_disk: Callable[[], AbstractContextManager[None]] = nullcontext) -> StreamApp:
    """Make a worker from its settings; it writes its tables within `at_disk`."""
    shared = make_shared(settings)
    app = make_faust_app(settings)
    users_table = make_users_table(app, settings)
    users_table.at_disk = at_disk
    users_table.watch = LeaveWhenBroken(shared.metrics)
    broadcast_state = make_broadcast_state(shared, users_table)
    path = _event_path(app, shared, users_table, broadcast_state)
    _drive(app, shared, path, _background(shared, broadcast_state, path, users_table))
    attach(app.http, _query_view(app, shared, users_table, broadcast_state, path))
    return app


def _event_path(app: StreamApp, shared: Shared, users_table: BatchTable, broadcast_state: BroadcastState) -> EventPath:
    """member-events ─▶ reader ─▶ chunks ─▶ agent ─▶ changelog and table, rejected events to the dead letters."""
    bounds, users, partitions = shared.settings.worker, shared.settings.users, shared.settings.topics.partitions
    producer = shared.producer
    ownership = Ownership(users_table.running, bounds.drain_seconds)
    own_popularity = OwnPopularity(shared.settings.popularity.window_days, shared.metrics)
    row_bounds = UserBounds(users.history_limit, users.recent_events)
    scores = UserScores(broadcast_state.models.active, users.stored_scores, shared.metrics)
    writer = RowWriter(TopicChangelog(producer, users_table.changelog_topic_name), users_table, shared.metrics)
    pending = PendingRows(users_table)
    sizes = ChunkSizes(bounds.max_records, MAX_BATCH_BYTES, bounds.drain_seconds / _CHUNKS_IN_A_DRAIN)
    member_events = MemberEvents(pending, scores, own_popularity, row_bounds, partitions, shared.metrics, shared.recent)
    processor = ChunkProcessor(
        member_events,
        pending,
        writer,
        ownership,
        producer,
        shared.names.dead_letters,
        sizes,
        shared.activity,
        shared.metrics,
    )
    at_a_time = RescoringBounds(shared.settings.rescoring.users, shared.settings.rescoring.share)
    rescoring = Rescoring(
        users_table, scores, broadcast_state.models, ownership, processor, shared.activity, at_a_time, shared.metrics
    )
    chunks = make_chunk_channel(app, bounds.max_chunks)
    membership = raw_topic(app, shared.names.membership, partitions)
    _agent(app, shared.metrics, "membership", membership, make_membership_agent())
    _agent(app, shared.metrics, "member-events", chunks, make_chunk_agent(chunks, processor.process))
    recovery_bounds = RecoveryBounds(bounds.recovery_fetch_mb << 20, bounds.fetch_wait_ms, bounds.takeover_seconds)
    reader = Reader(
        shared.connection,
        shared.names.member_events,
        f"{shared.settings.app_id}-reader",
        users_table,
        ownership,
        chunks,
        assignment_of(app, users_table),
        Recovery(shared.connection, users_table, recovery_bounds, shared.metrics),
        sizes,
        ReaderBounds(bounds.fetch_wait_ms, bounds.linger_ms / 1000),
        shared.metrics,
        _before_first_chunk(broadcast_state, own_popularity, users_table, ownership),
    )
    probe = BrokerProbe(shared.connection, shared.names.member_events, lambda: ownership.running)

    def vitals() -> Vitals:
        working, writing = chunks.busy or ownership.writing, ownership.writing
        return Vitals(probe.silent_seconds, probe.ends, reader.reached(), working, writing, processor.last_progress)

    shared.metrics.broker_silent_seconds.set_function(lambda: probe.silent_seconds)
    watchdog = Watchdog(vitals, bounds.stuck_seconds, shared.metrics.standstill_seconds)
    return EventPath(ownership, own_popularity, writer, rescoring, reader, probe, watchdog)


def _agent(
    app: StreamApp,
    metrics: Metrics,
    name: str,
    channel: ChannelT[Any],
    work: Callable[[StreamT[Any]], Awaitable[None]],
) -> None:
    watched = must_not_end(name, work, lambda: app.should_stop, metrics.agents_running)
    app.agent(channel, name=name)(watched)


def _before_first_chunk(
    broadcast_state: BroadcastState, own: OwnPopularity, table: BatchTable, ownership: Ownership
) -> Callable[[set[int]], Awaitable[None]]:
    """Return what waits for the models of the start, then takes the counts of partitions over.

    The first ones of an generation come in place of all, while the publisher waits.
    """

    async def prepare(partitions: set[int]) -> None:
        await broadcast_state.updates.settled()
        async with ownership.turn(ownership.generation):
            if not ownership.running:
                own.forget()
            for partition in partitions:
                own.begin(partition)
                rows = table.scan(partition, POPULARITY_PREFIX)
                while part := list(islice(rows, _ROWS_AT_ONCE)):
                    own.load(partition, part)
                    await asyncio.sleep(0)

    return prepare


def _background(
    shared: Shared, broadcast_state: BroadcastState, path: EventPath, users_table: BatchTable
) -> Callable[[Background], None]:
    """models, catalogue, popularity ─▶ what this worker knows; own popularity ─▶ every worker."""
    settings, names = shared.settings, shared.names
    models = BroadcastReader(shared.connection, names.models, broadcast_state.updates.apply)
    refused = BroadcastReader(shared.connection, names.models_rejected, broadcast_state.updates.apply_rejection)
    catalogue = BroadcastReader(shared.connection, names.catalogue, broadcast_state.catalogue.apply)
    popularity = BroadcastReader(shared.connection, names.popularity, broadcast_state.popularity.apply)

    async def models_are_read() -> None:
        await refused.caught_up.wait()
        await models.caught_up.wait()

    def start(background: Background) -> None:
        background.start("models", models.run())
        background.start("refused models", refused.run())
        background.start("model updates", broadcast_state.updates.run(models_are_read))
        background.start("re-solving", path.rescoring.run(lambda: path.reader.running))
        background.start("catalogue", catalogue.run())
        background.start("popularity", popularity.run())
        every = settings.popularity.publish_seconds
        publishing = publish_popularity(path.own_popularity, path.ownership, shared.producer, names.popularity, every)
        background.start("popularity publisher", publishing)
        background.start("table flusher", flush_regularly(users_table))
        places = ChangelogPlaces(shared.connection, names.users_changelog)
        mender = Mender(users_table, path.ownership, path.writer, places.read)
        background.start("mender of the changelog", mend_regularly(mender, places, path.ownership))

    return start


def _drive(app: StreamApp, shared: Shared, path: EventPath, start_others: Callable[[Background], None]) -> None:
    """Connect the parts to Faust's life cycle: start, assigned, revoked, stop."""
    background = Background()

    async def before_start() -> None:
        background.start("process guard", shared.process_guard.run())
        background.start("broker probe", path.probe.run())
        background.start("watchdog", path.watchdog.run())
        background.start("membership", watch_membership(app, path.reader, path.probe, shared.settings.worker))
        background.start("connection of the reader", path.reader.connect())
        await shared.producer.start()
        start_others(background)
        spare_what_stays()

    async def before_stop() -> None:
        await path.reader.stop()
        await background.stop()
        await shared.producer.stop()

    async def on_assigned(*_: object, **__: object) -> None:
        if not app.should_stop:
            await path.reader.assigned()

    async def on_revoked(*_: object, **__: object) -> None:
        shared.metrics.rebalances.inc()
        await path.reader.revoked()

    app.before_start, app.before_stop = before_start, before_stop
    app.on_partitions_assigned.connect(on_assigned, weak=False)
    app.on_partitions_revoked.connect(on_revoked, weak=False)


def _query_view(
    app: StreamApp, shared: Shared, users_table: BatchTable, broadcast_state: BroadcastState, path: EventPath
) -> QueryView:
    """HTTP ─▶ owner of the user ─▶ row, model, catalogue ─▶ filter ─▶ answer."""
    settings = shared.settings
    users = Users(users_table, settings.topics.partitions)
    routing = AssignmentRouting(app, users, shared.names.users_changelog, settings.http.advertised_url)
    health = WorkerHealth(
        app, path.reader, broadcast_state.models, path.watchdog, path.probe, settings.http.max_lag_records
    )
    return QueryView(
        users=users,
        models=broadcast_state.models,
        catalogue=broadcast_state.catalogue,
        popularity=broadcast_state.popularity,
        routing=routing,
        health=health,
        erasure=Erasure(users, users_table, path.ownership, path.writer, shared.metrics),
        checkpointing=Checkpointing(
            users_table, path.ownership, settings.data_dir, Mark(settings.app_id, users.partitions)
        ),
        activation=Activation(publisher_of(settings)),
        on_request=shared.activity.note,
        registry=shared.registry,
        settings=_query_settings(settings),
    )


def _query_settings(settings: Settings) -> QuerySettings:
    """Return what the query view is told."""
    http = settings.http
    return QuerySettings(
        fallback_days=settings.popularity.fallback_days,
        history_limit=settings.users.history_limit,
        forward_timeout_ms=http.forward_timeout_ms,
        max_body_bytes=http.max_body_bytes,
        read_keys=tuple(key.get_secret_value() for key in http.read_keys),
        admin_keys=tuple(key.get_secret_value() for key in http.admin_keys),
    )
