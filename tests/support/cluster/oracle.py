"""What the state must be, from the accepted events alone, in plain Python and float64; nothing of the product's.

The events are read from the source topic; the state is read from the changelog and from RocksDB.
"""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import numpy as np
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from numpy.typing import NDArray

from models.factorization.factor_model import FactorModel

HISTORY_LIMIT = 500
"""The default of users.history_limit; long runs go beyond it."""
KINDS = {"play": 1, "rate": 2, "view": 3, "list_add": 4, "list_remove": 5, "dismiss": 6}
REGISTERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 4, 6: 6}


async def read_topic(bootstrap: str, topic: str) -> list[ConsumerRecord]:
    """Return every record of a topic, from the beginning to the end it has now, in partition and offset order."""
    records = [record async for record in scan_topic(bootstrap, topic)]
    return sorted(records, key=lambda record: (record.partition, record.offset))


async def scan_topic(bootstrap: str, topic: str) -> AsyncIterator[ConsumerRecord]:
    """Yield every record of a topic up to the end it has now; those of one partition in the order of their offsets."""
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=None, auto_offset_reset="earliest")
    await consumer.start()
    try:
        partitions = consumer.assignment()
        ends = await consumer.end_offsets(partitions)
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            for fetched in (await consumer.getmany(timeout_ms=200)).values():
                for record in fetched:
                    yield record
    finally:
        await consumer.stop()


@dataclass
class Expected:
    """The state that the accepted events must lead to."""

    facts: dict[str, list[tuple[int, str, int, float]]] = field(default_factory=dict)
    """By user: (ts, video, kind, value), ascending in time."""
    applied_offsets: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By user: offset of the last event that was new, and of the last event of all; the applied offset lies between."""
    regions: dict[str, str] = field(default_factory=dict)
    """By user: what the latest event says that names a region; who was never said to be in one has none."""
    likes: Counter[str] = field(default_factory=Counter)
    """Plays and likes by video, each event once; those of users who were erased count on."""
    erased: dict[str, set[tuple[int, str, int, float]]] = field(default_factory=dict)
    """By user: the facts that an erasure took."""
    erasures: int = 0
    accepted: int = 0


@dataclass
class _Known:
    """What is known of one user in one partition: facts by register and video, and the ids of their events."""

    held: dict[tuple[int, str], tuple[int, int, int, float]] = field(default_factory=dict)
    ids: set[str] = field(default_factory=set)
    region: tuple[int, int, str] | None = None

    def facts(self) -> list[tuple[int, str, int, float]]:
        """Return the facts, ascending in time."""
        ordered = sorted((fact, video) for (_, video), fact in self.held.items())
        return [(ts, video, kind, value) for (ts, _, kind, value), video in ordered]


def expect(records: Iterable[ConsumerRecord], history_limit: int = HISTORY_LIMIT) -> Expected:
    """Replay the source topic; records that are no JSON object of the contract are the caller's to leave out.

    A record without a value erases its user where it lies: nothing of the user is known any more, and no id either.
    """
    expected = Expected()
    known: dict[tuple[int, str], _Known] = {}
    for record in records:
        user = record.key.decode()
        if record.value is None:
            expected.erasures += 1
            if (gone := known.pop((record.partition, user), None)) is not None:
                expected.erased.setdefault(user, set()).update(gone.facts())
                del expected.applied_offsets[user]
            continue
        event = json.loads(record.value)
        at = known.setdefault((record.partition, user), _Known())
        if event["event_id"] in at.ids:
            expected.applied_offsets[user] = (expected.applied_offsets[user][0], record.offset)
            continue
        expected.applied_offsets[user] = (record.offset, record.offset)
        at.ids.add(event["event_id"])
        expected.accepted += 1
        _apply(at, event, expected.likes)
    for (_, user), held in known.items():
        expected.facts[user] = held.facts()[-history_limit:]
        if held.region is not None:
            expected.regions[user] = held.region[2]
    return expected


def _apply(known: _Known, event: dict[str, Any], likes: Counter[str]) -> None:
    kind, value = _kind(event)
    ts = (datetime.fromisoformat(event["ts"]) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
    tie = int.from_bytes(blake2b(event["event_id"].encode(), digest_size=8).digest(), "little")
    register = (REGISTERS[kind], event["video_id"])
    before = known.held.get(register, (ts, -1, 0, 0.0))
    known.held[register] = max(before, (ts, tie, kind, value), key=lambda fact: fact[:2])
    if "region" in event:
        said = (ts, tie, event["region"])
        known.region = said if known.region is None else max(known.region, said)
    likes[event["video_id"]] += kind == 1 or (kind == 2 and value >= 4.0)


def reference_scores(model: FactorModel, facts: list[tuple[int, str, int, float]]) -> dict[str, float]:
    """Return the score of every video for a history, in float64."""
    scores = model.factors.astype(np.float64) @ reference_factors(model, facts)
    return dict(zip(model.video_ids, scores.tolist(), strict=True))


def reference_factors(model: FactorModel, facts: list[tuple[int, str, int, float]]) -> NDArray[np.float64]:
    """Return the user factors for a history, by the normal equations in float64 (Rendle et al. 2021)."""
    confidences = _confidences(model, facts)
    factors = model.factors.astype(np.float64)
    parameters = model.description.solver
    row_of = {video: row for row, video in enumerate(model.video_ids)}
    rows = [row_of[video] for video in confidences]
    observed: NDArray[np.float64] = factors[rows]
    weights = np.array(list(confidences.values()), np.float64)
    ridge = parameters.regularization * (
        (len(rows) + parameters.unobserved_weight * len(factors)) ** parameters.frequency_exponent
    )
    left = (observed.T * weights) @ observed + parameters.unobserved_weight * factors.T @ factors
    return np.linalg.solve(left + ridge * np.eye(factors.shape[1]), observed.T @ weights)


def _confidences(model: FactorModel, facts: list[tuple[int, str, int, float]]) -> dict[str, float]:
    rule = model.description.confidence
    sums: dict[str, float] = {}
    vetoed: set[str] = set()
    for _, video, kind, value in facts:
        amount = {
            1: min(1.0, value / rule.play_full_seconds) * rule.play_weight,
            2: rule.like_weight if value >= rule.like_rating else 0.0,
            3: rule.view_weight,
            4: rule.list_weight,
        }.get(kind, 0.0)
        sums[video] = sums.get(video, 0.0) + amount
        if kind == 6 or (kind == 2 and value <= rule.dislike_rating):
            vetoed.add(video)
    return {video: amount for video, amount in sums.items() if amount > 0 and video not in vetoed}


def newest_rows(changelog: Iterable[ConsumerRecord]) -> Mapping[tuple[int, bytes], bytes]:
    """Return what a compacted changelog holds: by partition and key, the row with the highest applied offset."""
    newest = NewestRows()
    for record in changelog:
        newest.take(record)
    return newest.rows


@dataclass
class NewestRows:
    """The rows of a changelog as a replay leaves them.

    Attributes
    ----------
    rows : by partition and key, the row with the highest applied offset.
    removed : the highest applied offset of a tombstone of each key that had one; it covers rows of its own offset.
    """

    rows: dict[tuple[int, bytes], bytes] = field(default_factory=dict)
    removed: dict[tuple[int, bytes], int] = field(default_factory=dict)

    def take(self, record: ConsumerRecord) -> None:
        """Take one more record in."""
        at = (record.partition, record.key)
        if record.value is not None:
            offset = applied_offset(record.value)
            if offset > self.removed.get(at, -1) and offset >= applied_offset(self.rows.get(at, record.value)):
                self.rows[at] = record.value
            return
        removed_at = dict(record.headers).get("fence")
        if removed_at is None:
            self.rows.pop(at, None)
            return
        self.removed[at] = max(self.removed.get(at, -1), applied_offset(removed_at))
        if at in self.rows and self.removed[at] >= applied_offset(self.rows[at]):
            del self.rows[at]


def applied_offsets_that_fell(changelog: list[ConsumerRecord]) -> Iterator[ConsumerRecord]:
    """Yield the records that put an older row behind a newer one, or behind its removal."""
    highest: dict[tuple[int, bytes], int] = {}
    removed: dict[tuple[int, bytes], int] = {}
    for record in changelog:
        at = (record.partition, record.key)
        if record.value is not None:
            if applied_offset(record.value) < highest.get(at, -1) or applied_offset(record.value) <= removed.get(
                at, -1
            ):
                yield record
            highest[at] = max(applied_offset(record.value), highest.get(at, -1))
        elif (removed_at := dict(record.headers).get("fence")) is not None:
            removed[at] = max(applied_offset(removed_at), removed.get(at, -1))


def applied_offset(row: bytes) -> int:
    """Return a row's applied offset."""
    return int.from_bytes(row[:8], "little", signed=True)


def _kind(event: dict[str, Any]) -> tuple[int, float]:
    match event["type"]:
        case "play":
            return 1, float(np.float32(event["seconds_watched"]))
        case "rate":
            return 2, float(np.float32(event["rating"]))
        case _:
            return KINDS[event["action"]], 0.0
