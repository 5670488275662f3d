"""What a chunk of member events does to the state: decode, apply to histories, solve, score, make rows.

A record without a value erases the user whom its key names, in its turn with that user's events: those before it count
as what is popular, those behind it begin a new history.

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
from agents.users.applied_erasures import AppliedErasures
from agents.users.misplaced_users import MisplacedUsers
from agents.users.pending_rows import PendingRows
from agents.users.recent_users import RecentUsers
from agents.users.user_scores import UserScores
from agents.users.user_state import NEW_USER, TIE_BYTES, UserState, remembers
from agents.users.users import state_of
from models.feedback.events import Browse, Event, Play, Rate, Rejected, check_erasure, decode_event
from models.feedback.facts import event_tie
from models.feedback.history import EMPTY_HISTORY
from tables.applied_offset import HIGHEST_APPLIED_OFFSET_KEY, applied_offset_of
from tables.batch_table import BatchTable
from tables.position import Position, fingerprint
from tables.rows_aside import aside_key
from tables.tombstones import tombstone_key


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


_Arrived = list[tuple[int, Event | None]]
"""A user's events of one chunk with their source offsets, in order; None is an erasure."""


_UNREADABLE = UserState(EMPTY_HISTORY, -1, b"", 1)
"""In the place of a row that cannot be read: nothing is known of the user, but an erasure has something to remove."""


class MemberEvents:
    """Prepares chunks; called by one thread at a time.

    Parameters
    ----------
    table : where rows are read.
    scores : solves and scores the users who changed.
    popularity : counts of the own partitions.
    bounds, partitions, metrics : limits of a row; N; what is counted.
    recent : hears of the users who changed.
    erasures : hears of users who are erased.
    misplaced : hears of partitions with events of users whom murmur2 puts elsewhere.
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
        erasures: AppliedErasures,
        misplaced: MisplacedUsers,
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
        self._erasures = erasures
        self._misplaced = misplaced

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
            erased: dict[bytes, None] = {}
            states = self._states(partition, list(arrived), records[0].offset)
            for (key, events), before in zip(arrived.items(), states, strict=True):
                state = self._apply(partition, key, events, before, int(now * 1000))
                if state is NEW_USER:
                    erased[key] = None
                elif state is not None:
                    changed[partition, key] = state
                    self._recent.note(partition, key)
            last = records[-1]
            reached = last.offset + 1
            position = Position(reached, fingerprint(last.timestamp, last.key, last.value))
            # Popularity goes first. If the rows need several batches and only the first ones land, a user whose row did
            # has been counted, and events up to that row's applied offset, repeats among them, must not count again.
            rows = self._popularity.take_rows(partition) | erased
            prepared.partitions[partition] = PreparedPartition(rows, position, reached)
        for (partition, key), state in self._scores.score(changed).items():
            prepared.partitions[partition].rows[key] = state.encode()
        self._count()
        return prepared

    def _decode(
        self, partition: int, records: Sequence[ConsumerRecord], rejected: list[DeadLetter], now: float
    ) -> Mapping[bytes, _Arrived]:
        arrived: dict[bytes, _Arrived] = defaultdict(list)
        for record in records:
            event: Event | None = None
            try:
                if record.value is None:
                    check_erasure(record.key)
                else:
                    event = decode_event(record.value, record.key, arrived_at(record, now))
            except Rejected as rejection:
                self._metrics.rejected.labels(rejection.reason).inc()
                rejected.append(DeadLetter(record, rejection))
                continue
            arrived[record.key].append((record.offset, event))
        misplaced = partitions_of(list(arrived), self._partitions) != partition
        if misplaced.any():
            self._count_misplaced(
                partition, [events for events, one in zip(arrived.values(), misplaced, strict=True) if one]
            )
        return arrived

    def _count_misplaced(self, partition: int, arrived: Sequence[_Arrived]) -> None:
        """Count events of users whom murmur2 puts elsewhere; an erasure goes to every partition."""
        events = sum(event is not None for one in arrived for _, event in one)
        if events:
            self._metrics.misrouted.inc(events)
            self._misplaced.note(partition, events)

    def _states(self, partition: int, keys: Sequence[bytes], first: int) -> list[UserState]:
        """Return what is stored of users, before a chunk whose first offset is `first`.

        Who has no row may have a tombstone that covers records of this chunk: a part of a chunk that a previous owner
        began. Like a row that is ahead of the position, it says that they are applied.
        """
        rows = self._table.read_many(partition, keys)
        states = [
            state_of(self._table, partition, key, row) or _UNREADABLE for key, row in zip(keys, rows, strict=True)
        ]
        missing = [at for at, row in enumerate(rows) if row is None]
        if missing and self._may_be_ahead(partition, first):
            tombstones = self._table.read_many(partition, [tombstone_key(keys[at]) for at in missing])
            for at, tombstone in zip(missing, tombstones, strict=True):
                if tombstone is not None:
                    states[at] = UserState(EMPTY_HISTORY, applied_offset_of(tombstone), b"", 0)
        return states

    def _may_be_ahead(self, partition: int, offset: int) -> bool:
        """Tell whether anything that was replayed into a partition may have an applied offset of at least `offset`."""
        (highest,) = self._table.read_many(partition, [HIGHEST_APPLIED_OFFSET_KEY])
        return highest is None or applied_offset_of(highest) >= offset

    def _apply(
        self, partition: int, key: bytes, arrived: _Arrived, before: UserState, written_at: int
    ) -> UserState | None:
        """Apply a user's events in their order; None when nothing changes, `NEW_USER` when they end erased."""
        longest = TIE_BYTES * self._bounds.recent_events
        history, recent, applied_offset = before.history, before.recent, before.applied_offset
        fresh: list[Event] = []
        erased = False
        for offset, event in arrived:
            if offset <= before.applied_offset:
                self._metrics.repeated.inc()
            elif event is None:
                self._erasures.note(partition, offset, removed=bool(fresh or (before.written_at and not erased)))
                history, recent, erased = EMPTY_HISTORY, b"", True
                fresh.clear()
            elif remembers(recent, tie := event_tie(event.event_id).to_bytes(TIE_BYTES, "little")):
                self._metrics.duplicate.inc()
            else:
                recent = (recent + tie)[max(0, len(recent) + TIE_BYTES - longest) :]
                fresh.append(event)
                applied_offset = offset
                self._popularity.add(partition, event, offset)
                self._applied[type(event)] += 1
        if not fresh:
            return NEW_USER if erased else None
        if erased:  # the chunk removes nothing that would take it along
            self._table.discard(partition, [aside_key(key)])
        return UserState(history.apply(fresh, self._bounds.history_limit), applied_offset, recent, written_at)

    def _count(self) -> None:
        """Add the chunk's events to the metric; one by one they would cost a lock each."""
        for kind, count in self._applied.items():
            self._metrics.applied.labels(kind.__struct_config__.tag).inc(count)
        self._applied.clear()
