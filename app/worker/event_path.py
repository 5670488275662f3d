"""The way of the member events through one worker, from the source topic to the rows of the table.

A takeover is part of it: once a partition's table is complete, its changelog is claimed, the models are waited for, and
its counts are taken over; then its first chunk is read.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from agents.changelog.claiming import Claiming
from agents.changelog.recovery import Recovery, RecoveryBounds
from agents.events.chunk_agent import ChunkProcessor, make_chunk_agent, make_membership_agent
from agents.events.chunk_sizes import ChunkSizes
from agents.events.chunks import ChunkChannel, make_chunk_channel
from agents.events.dead_letters import DeadLetters
from agents.events.member_events import MemberEvents, UserBounds
from agents.events.reader import Reader, ReaderBounds
from agents.events.source import Source
from agents.kafka.producer import MAX_BATCH_BYTES, TopicChangelog
from agents.liveness.agent_guard import AgentGuard
from agents.popularity.own_popularity import OwnPopularity
from agents.popularity.takeover import take_counts_over
from agents.rollout.rescoring import Rescoring, RescoringBounds
from agents.users.applied_erasures import AppliedErasures
from agents.users.misplaced_watch import MisplacedWatch
from agents.users.own_partitions import OwnPartitions
from agents.users.ownership import Ownership
from agents.users.pending_rows import PendingRows
from agents.users.row_writer import RowWriter
from agents.users.user_scores import UserScores
from app.worker.broadcast_state import BroadcastState
from app.worker.faust_app import assignment_of, raw_topic
from app.worker.faust_seam import StreamApp
from app.worker.shared_parts import Shared
from tables.batch_table import BatchTable

_CHUNKS_IN_A_DRAIN = 4
"""A revocation waits for a chunk that is prepared, and for one that is written; half of its time is to spare."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPath:
    """The way of the member events through one worker.

    Parameters
    ----------
    reader : reads the source topic into `chunks`.
    chunks : the channel of the agent.
    processor : what the agent does with a chunk.
    rescoring : re-solves users between chunks.
    popularity : counts of this worker's partitions.
    claiming : claims their changelogs, before their first chunk and regularly.
    erasures : what those came to that were applied here.
    misplaced : watches for users whom murmur2 puts elsewhere.
    """

    reader: Reader
    chunks: ChunkChannel
    processor: ChunkProcessor
    rescoring: Rescoring
    popularity: OwnPopularity
    claiming: Claiming
    erasures: AppliedErasures
    misplaced: MisplacedWatch


def make_own_partitions(shared: Shared, users_table: BatchTable) -> OwnPartitions:
    """Rows ─▶ changelog ─▶ table, in the turn that the ownership gives."""
    ownership = Ownership(users_table.running, shared.settings.worker.drain_seconds, shared.supervisor)
    changelog = TopicChangelog(shared.producer, users_table.changelog_topic_name, shared.claims)
    writer = RowWriter(changelog, users_table, shared.metrics.users)
    return OwnPartitions(users_table, ownership, writer, shared.supervisor)


def make_event_path(app: StreamApp, shared: Shared, own: OwnPartitions, state: BroadcastState) -> EventPath:
    """member-events ─▶ reader ─▶ chunks ─▶ agent ─▶ changelog and table, rejected events to the dead letters."""
    worker, metrics = shared.settings.worker, shared.metrics
    popularity = OwnPopularity(shared.settings.popularity.window_days, metrics.popularity)
    scores = UserScores(state.models.active, shared.settings.users.stored_scores, metrics.users)
    sizes = ChunkSizes(worker.max_records, MAX_BATCH_BYTES, worker.drain_seconds / _CHUNKS_IN_A_DRAIN)
    erasures = AppliedErasures(own.table, own.ownership.running.__contains__, metrics.users)
    pending = PendingRows(own.table)
    member_events = _make_member_events(shared, pending, scores, popularity, erasures)
    processor = _make_processor(shared, own, pending, member_events, sizes)
    chunks = make_chunk_channel(app, worker.max_chunks)
    _make_agents(app, shared, chunks, processor)
    claiming = Claiming(own, shared.claims)

    async def before_first_chunk(partitions: set[int]) -> None:
        await claiming.take(partitions)
        await state.updates.settled()
        await take_counts_over(popularity, own.table, own.ownership, partitions)

    return EventPath(
        reader=_make_reader(app, shared, own, chunks, sizes=sizes, before_first_chunk=before_first_chunk),
        chunks=chunks,
        processor=processor,
        rescoring=_make_rescoring(shared, own, state, scores, processor),
        popularity=popularity,
        claiming=claiming,
        erasures=erasures,
        misplaced=_make_misplaced_watch(shared, own, state),
    )


def _make_reader(
    app: StreamApp,
    shared: Shared,
    own: OwnPartitions,
    chunks: ChunkChannel,
    *,
    sizes: ChunkSizes,
    before_first_chunk: Callable[[set[int]], Awaitable[None]],
) -> Reader:
    worker, metrics = shared.settings.worker, shared.metrics
    recovery_bounds = RecoveryBounds(worker.recovery_fetch_mb << 20, worker.fetch_wait_ms, worker.takeover_seconds)
    return Reader(
        source=Source(shared.connection, shared.names.member_events, f"{shared.settings.app_id}-reader"),
        own=own,
        channel=chunks,
        assignment=assignment_of(app, own.table),
        recovery=Recovery(shared.connection, own.table, recovery_bounds, shared.supervisor, metrics.changelog),
        sizes=sizes,
        bounds=ReaderBounds(worker.fetch_wait_ms, worker.linger_ms / 1000, worker.takeover_seconds),
        metrics=metrics.events,
        before_first_chunk=before_first_chunk,
    )


def _make_rescoring(
    shared: Shared, own: OwnPartitions, state: BroadcastState, scores: UserScores, processor: ChunkProcessor
) -> Rescoring:
    return Rescoring(
        own=own,
        scores=scores,
        models=state.models,
        processor=processor,
        activity=shared.activity,
        bounds=RescoringBounds(shared.settings.rescoring.users, shared.settings.rescoring.share),
        metrics=shared.metrics.rollout,
    )


def _make_misplaced_watch(shared: Shared, own: OwnPartitions, state: BroadcastState) -> MisplacedWatch:
    partitions = shared.settings.topics.partitions
    watch = MisplacedWatch(
        own, shared.misplaced, state.misplaced, shared.producer, shared.names.popularity, partitions=partitions
    )
    shared.metrics.users.misplaced.set_function(watch.users)
    return watch


def _make_member_events(
    shared: Shared, pending: PendingRows, scores: UserScores, popularity: OwnPopularity, erasures: AppliedErasures
) -> MemberEvents:
    users = shared.settings.users
    return MemberEvents(
        table=pending,
        scores=scores,
        popularity=popularity,
        bounds=UserBounds(users.history_limit, users.recent_events),
        partitions=shared.settings.topics.partitions,
        metrics=shared.metrics.events,
        recent=shared.recent,
        erasures=erasures,
        misplaced=shared.misplaced,
    )


def _make_processor(
    shared: Shared, own: OwnPartitions, pending: PendingRows, member_events: MemberEvents, sizes: ChunkSizes
) -> ChunkProcessor:
    return ChunkProcessor(
        member_events=member_events,
        own=own,
        pending=pending,
        dead_letters=DeadLetters(shared.producer, shared.names.dead_letters),
        sizes=sizes,
        activity=shared.activity,
        metrics=shared.metrics.events,
    )


def _make_agents(app: StreamApp, shared: Shared, chunks: ChunkChannel, processor: ChunkProcessor) -> None:
    guard = AgentGuard(shared.supervisor, shared.metrics.liveness.agents_running, lambda: app.should_stop)
    membership = raw_topic(app, shared.names.membership, shared.settings.topics.partitions)
    app.agent(membership, name="membership")(guard.guarded("membership", make_membership_agent()))
    app.agent(chunks, name="member-events")(guard.guarded("member-events", make_chunk_agent(chunks, processor.process)))
