"""What a chunk of member events does to the state: decode, apply to histories, solve, score, make rows.

No waiting and no writing happens here. `MemberEvents.prepare` turns a chunk into rows and dead letters; it runs
in a thread, where the numerics release the interpreter, while queries are answered.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka import ConsumerRecord

from agents.events.arrival import arrived_at
from agents.events.chunks import Chunk
from agents.events.dead_letters import DeadLetter
from agents.events.metrics import EventMetrics
from agents.kafka.partitions import partitions_of
from agents.popularity.own_popularity import OwnPopularity
from agents.users.pending_rows import PendingRows
from agents.users.recent_users import RecentUsers
from agents.users.user_scores import UserScores
from agents.users.user_state import NEW_USER, TIE_BYTES, UserState
from agents.users.users import state_of
from models.feedback.events import Browse, Event, Play, Rate, Rejected, decode_event
from models.feedback.facts import event_tie
from tables.batch_table import BatchTable
from tables.position import Position, fingerprint


@dataclass(frozen=True, slots=True)
class UserBounds:
    """Limits of one user's row.

    Parameters
    ----------
    history_limit : facts in a history.
    recent_events : event ids remembered, to recognise a producer's duplicates.
    """

    history_limit: int
    recent_events: int


@dataclass(slots=True)
class PreparedPartition:
    """What one partition's records come to: rows to write, and the source position that they reach."""

    rows: dict[bytes, bytes | None]
    position: Position
    reached: int


@dataclass(slots=True)
class PreparedChunk:
    """What a chunk comes to."""

    partitions: dict[int, PreparedPartition] = field(default_factory=dict)
    rejected: list[DeadLetter] = field(default_factory=list)


_Arrived = list[tuple[int, Event]]
"""A user's events of one chunk with their source offsets, in order."""


class MemberEvents:
    """Prepares chunks; called by one thread at a time.

    Parameters
    ----------
    table : where rows are read.
    scores : solves and scores the users who changed.
    popularity : counts of the own partitions.
    bounds, partitions, metrics : limits of a row; N; what is counted.
    recent : hears of the users who changed.
    now : seconds since the epoch: when rows are written, and when a record arrived that does not say it.
    """

    def __init__(
        self,
        *,
        table: BatchTable | PendingRows,
        scores: UserScores,
        popularity: OwnPopularity,
        bounds: UserBounds,
        partitions: int,
        metrics: EventMetrics,
        recent: RecentUsers,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._table = table
        self._scores = scores
        self._popularity = popularity
        self._bounds = bounds
        self._partitions = partitions
        self._metrics = metrics
        self._applied: Counter[type[Event]] = Counter()
        for kind in (Play, Rate, Browse):  # a counter that never counted would not be shown
            metrics.applied.labels(kind.__struct_config__.tag)
        self._now = now
        self._recent = recent

    def prepare(self, chunk: Chunk) -> PreparedChunk:
        """Return rows, positions and dead letters of a chunk; several events of one user cost one solve.

        A user whose row cannot be read begins anew. Which offset it had applied does not matter then: what is below the
        position never comes again, and what is not below it was lost with the row.
        """
        prepared = PreparedChunk()
        changed: dict[tuple[int, bytes], UserState] = {}
        now = self._now()
        for partition, records in chunk.records.items():
            arrived = self._decode(partition, records, prepared.rejected, now)
            for (key, events), row in zip(
                arrived.items(), self._table.read_many(partition, list(arrived)), strict=True
            ):
                before = state_of(self._table, partition, key, row)
                state = self._apply(partition, events, NEW_USER if before is None else before, int(now * 1000))
                if state is not None:
                    changed[partition, key] = state
                    self._recent.note(partition, key)
            last = records[-1]
            reached = last.offset + 1
            position = Position(reached, fingerprint(last.timestamp, last.key, last.value))
            # Popularity goes first. If the rows need several batches and only the first ones land, a user whose row did
            # has been counted, and events up to that row's applied offset, repeats among them, must not count again.
            prepared.partitions[partition] = PreparedPartition(self._popularity.take_rows(partition), position, reached)
        for (partition, key), state in self._scores.score(changed).items():
            prepared.partitions[partition].rows[key] = state.encode()
        self._count()
        return prepared

    def _decode(
        self, partition: int, records: Sequence[ConsumerRecord], rejected: list[DeadLetter], now: float
    ) -> Mapping[bytes, _Arrived]:
        arrived: dict[bytes, _Arrived] = defaultdict(list)
        for record in records:
            try:
                event = decode_event(record.value, record.key, arrived_at(record, now))
            except Rejected as rejection:
                self._metrics.rejected.labels(rejection.reason).inc()
                rejected.append(DeadLetter(record, rejection))
                continue
            arrived[record.key].append((record.offset, event))
        misplaced = partitions_of(list(arrived), self._partitions) != partition
        if misplaced.any():
            self._metrics.misrouted.inc(
                sum(len(events) for events, one in zip(arrived.values(), misplaced, strict=True) if one)
            )
        return arrived

    def _apply(self, partition: int, arrived: _Arrived, state: UserState, written_at: int) -> UserState | None:
        """Apply a user's events; None when none of them changes anything."""
        fresh: dict[bytes, Event] = {}
        for offset, event in arrived:
            tie = event_tie(event.event_id).to_bytes(TIE_BYTES, "little")
            if offset <= state.applied_offset:
                self._metrics.repeated.inc()
            elif tie in fresh or state.remembers(tie):
                self._metrics.duplicate.inc()
            else:
                fresh[tie] = event
                self._popularity.add(partition, event, offset)
                self._applied[type(event)] += 1
        if not fresh:
            return None
        recent = state.recent + b"".join(fresh)
        return UserState(
            history=state.history.apply(list(fresh.values()), self._bounds.history_limit),
            applied_offset=arrived[-1][0],
            recent=recent[max(0, len(recent) - TIE_BYTES * self._bounds.recent_events) :],
            written_at=written_at,
        )

    def _count(self) -> None:
        """Add the chunk's events to the metric; one by one they would cost a lock each."""
        for kind, count in self._applied.items():
            self._metrics.applied.labels(kind.__struct_config__.tag).inc(count)
        self._applied.clear()
