"""Events for tests, as JSON a stranger would write."""

import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any


def happenings(
    seed: int, users: int = 60, videos: int = 200, hot: float = 0.0, regions: Sequence[str] = ()
) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values without end: plays, ratings and browsing of few users, in random order of time.

    The part `hot` of them is the user u0's. Where there are regions, every other event names one of them, any.
    """
    chance = random.Random(seed)
    now = datetime.now(UTC)
    number = 0
    while True:
        number += 1
        user = "u0" if hot and chance.random() < hot else f"u{chance.randrange(users)}"
        event: dict[str, Any] = {
            "event_id": f"{seed}-{number}",
            "user_id": user,
            "video_id": f"v{chance.randrange(videos)}",
            "ts": (now - timedelta(seconds=chance.randrange(100_000))).isoformat(),
            "unknown": "fields are ignored",
        }
        if regions and chance.random() < 0.5:
            event["region"] = chance.choice(regions)
        match chance.randrange(4):
            case 0:
                event |= {"type": "play", "seconds_watched": chance.randrange(1, 5000)}
            case 1:
                action = chance.choice(["view", "list_add", "list_remove", "dismiss"])
                event |= {"type": "browse", "action": action}
            case _:
                event |= {"type": "rate", "rating": chance.randrange(1, 11) / 2}
        yield user.encode(), json.dumps(event).encode()


def rating(event_id: str, user: str, video: str, stars: float = 5.0) -> tuple[bytes, bytes]:
    """Return one rating, given now."""
    event = {
        "event_id": event_id,
        "type": "rate",
        "user_id": user,
        "video_id": video,
        "ts": datetime.now(UTC).isoformat(),
        "rating": stars,
    }
    return user.encode(), json.dumps(event).encode()
