"""Records of the source topic, and where they are."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from models.feedback.events import Event, encode_event

PARTITIONS = 2


def partition(user: str) -> int:
    """Where a user's events are."""
    return len(user) % PARTITIONS


def source(happened: Sequence[Event | str]) -> dict[int, list[Any]]:
    """Return the source records by partition; a user's id is a record that erases that user."""
    records: dict[int, list[Any]] = {at: [] for at in range(PARTITIONS)}
    for event in happened:
        user = event if isinstance(event, str) else event.user_id
        at = partition(user)
        records[at].append(
            SimpleNamespace(
                topic="events",
                partition=at,
                offset=len(records[at]),
                timestamp=1,
                key=user.encode(),
                value=None if isinstance(event, str) else encode_event(event),
                headers=(),
            )
        )
    return records
