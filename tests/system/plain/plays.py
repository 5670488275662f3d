"""The events of both systems: each is the only one of its user and video, so that each one's effect can be told."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Self

from aiokafka import AIOKafkaProducer

USERS, VIDEOS = 100, 400
_BATCHES_PER_SECOND = 20


def play(number: int) -> tuple[bytes, bytes]:
    """Return key and value of a play; `number` < `USERS` x `VIDEOS` tells user and video."""
    user, video = f"u{number % USERS}", f"v{number // USERS}"
    event = {
        "event_id": f"e{number}",
        "type": "play",
        "user_id": user,
        "video_id": video,
        "ts": datetime.now(UTC).isoformat(),
        "seconds_watched": 1800,
    }
    return user.encode(), json.dumps(event).encode()


def user_and_video(value: bytes) -> tuple[str, str]:
    """Return whose play of what a record's value is."""
    event = json.loads(value)
    return event["user_id"], event["video_id"]


class Plays:
    """Sends plays at an even pace while its context lasts, and no more than there are pairs of user and video.

    Attributes
    ----------
    sent : how many so far.
    """

    def __init__(self, bootstrap: str, topic: str, per_second: int) -> None:
        self.sent = 0
        self._topic, self._per_batch = topic, per_second // _BATCHES_PER_SECOND
        self._producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=5)
        self._ending = asyncio.Event()

    async def __aenter__(self) -> Self:
        await self._producer.start()
        self._sending = asyncio.create_task(self._send())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._ending.set()
        try:
            await self._sending
        finally:
            await self._producer.stop()

    async def _send(self) -> None:
        for first in range(0, USERS * VIDEOS, self._per_batch):
            if self._ending.is_set():
                break
            for number in range(first, first + self._per_batch):
                key, value = play(number)
                await self._producer.send(self._topic, key=key, value=value)
            self.sent += self._per_batch
            await asyncio.wait([asyncio.create_task(self._ending.wait())], timeout=1 / _BATCHES_PER_SECOND)
        await self._producer.flush()
