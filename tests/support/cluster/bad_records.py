"""Records that break the contract, each in its own way; none of them may ever be applied."""

import json
from datetime import UTC, datetime, timedelta

from tests.support.cluster.happenings import rating

Sent = tuple[bytes | None, bytes | None]
MAX_EVENT_BYTES = 16 << 10


def bad_records(user: str = "u1") -> list[Sent]:
    """Return one record for each way of being wrong; most have the key of one user."""
    key, value = rating("bad", user, "v1")
    event = json.loads(value)
    play = {**{name: event[name] for name in event if name != "rating"}, "type": "play"}
    future = {**event, "ts": (datetime.now(UTC) + timedelta(days=2)).isoformat()}
    return [
        (key, b"not json"),
        (key, json.dumps({name: event[name] for name in event if name != "video_id"}).encode()),
        *((key, value.replace(b"5.0", number)) for number in _NOT_STARS),
        *((key, _encoded({**play, "seconds_watched": seconds})) for seconds in _NOT_SECONDS),
        *((key, _encoded({**event, "video_id": video})) for video in (-1, 7, True, None, "", "v" * 65, "v\0", ["v1"])),
        *((key, _encoded({**event, "event_id": event_id})) for event_id in (5, "", "e\n", "e" * 65)),
        *((key, _encoded({**event, "ts": ts})) for ts in (0, "", "yesterday", "2026-13-01T00:00:00Z")),
        *((key, _encoded({**event, "type": kind})) for kind in ("erase", "", None, 1)),
        (key, json.dumps({**event, "padding": "x" * 20_000}).encode()),
        (key, sized_event("too large", user, MAX_EVENT_BYTES + 1)[1]),
        (key, json.dumps({**event, "padding": "x" * 900_000}).encode()),
        (key, json.dumps(future).encode()),
        (b"somebody else", value),
        (None, value),
        (b"", value),
        (key, value.replace(b"v1", b"\xff\xfe")),
        (key, b"[" * 10_000),
        (key, b"\xef\xbb\xbf" + value),
        (key, value + value),
        (key, b"null"),
        (key, b""),
        (b"", None),
        (b"\0source-position", None),
        (b"u" * 65, None),
        (b"\xff", None),
    ]


_NOT_SECONDS: tuple[object, ...] = (0, -0.0, -1, True, None, "1", [], {})
_NOT_STARS = (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"1e9", b"-0.0", b"0.0", b"5.5", b'"five"', b"true", b"null")


def sized_event(event_id: str, user: str, size: int) -> tuple[bytes, bytes]:
    """Return a rating whose value has so many bytes; the padding is a field that nobody knows."""
    key, value = rating(event_id, user, "v1")
    padded = _encoded({**json.loads(value), "padding": ""})
    return key, padded[:-2] + b"x" * (size - len(padded)) + padded[-2:]


def _encoded(event: dict[str, object]) -> bytes:
    return json.dumps(event).encode()
