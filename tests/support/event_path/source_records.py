"""Records of the source topic, and where they are."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from models.feedback.events import Event, encode_event

PARTITIONS = 2


def partition(user: str) -> int:
    """Where a user's events are."""
    return len(user) % PARTITIONS


def source(happened: Sequence[Event]) -> dict[int, list[Any]]:
    """Return the source records by partition."""
    records: dict[int, list[Any]] = {at: [] for at in range(PARTITIONS)}
    for event in happened:
        at = partition(event.user_id)
        records[at].append(
            SimpleNamespace(
                topic="events",
                partition=at,
                offset=len(records[at]),
                timestamp=1,
                key=event.user_id.encode(),
                value=encode_event(event),
                headers=(),
            )
        )
    return records
