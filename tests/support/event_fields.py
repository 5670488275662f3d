"""The fields of one valid event of each type, as JSON has them."""

from datetime import UTC, datetime
from typing import Any

TS = datetime(2026, 11, 23, 10, tzinfo=UTC)
NOW = TS.timestamp()

PLAY: dict[str, Any] = {
    "event_id": "01J9",
    "type": "play",
    "user_id": "u42",
    "video_id": "v7",
    "ts": "2026-11-23T10:00:00Z",
    "region": "us",
    "device": "tv",
    "seconds_watched": 1320,
    "schema_version": 1,
}

RATE = {**PLAY, "type": "rate", "rating": 4.5}
BROWSE = {**PLAY, "type": "browse", "action": "list_add"}
