"""Announcements: the fields of a valid one, and made-up ones."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from models.rollout.announcement import Announcement

FIELDS: dict[str, Any] = {
    "region": "us",
    "version": "20261123T100000Z-0a1b2c3d",
    "sequence": 3,
    "location": "us/20261123T100000Z-0a1b2c3d",
    "digest": "0a" * 32,
    "published_at": "2026-11-23T10:00:00Z",
}

PREVIOUS: dict[str, Any] = {"version": "20261122T100000Z-0b1c2d3e", "digest": "0b" * 32, "sequence": 2}


def announced(version: str, sequence: int, region: str = "global", **more: Any) -> Announcement:
    """An announcement; a version has one digest."""
    return Announcement(
        region=region,
        version=version,
        sequence=sequence,
        location=f"{region}/{version}",
        digest=sha256(version.encode()).hexdigest(),
        published_at=datetime(2026, 1, 1, tzinfo=UTC),
        **more,
    )
