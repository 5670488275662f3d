"""How long an event takes to be seen: from Kafka's acknowledgement to a list that knows it, at any worker."""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import cycle

from aiokafka import AIOKafkaProducer

from app.kafka_clients import producer_of
from deploy.demonstration.deployment import Deployment
from deploy.demonstration.errors import DemonstrationFailed
from deploy.demonstration.view import View
from models.feedback.events import Rate, encode_event

_POLL_SECONDS = 0.005
_PAUSE_SECONDS = 0.05
_PATIENCE_SECONDS = 10.0


async def watch_events(
    deployment: Deployment, view: View, events: Sequence[Rate], update: Callable[[int], None]
) -> list[float]:
    """Send events one by one and return how long each took to be seen, in milliseconds; see `watch_event`."""
    seen: list[float] = []
    async with producer_of(deployment.connection) as producer:
        for event in events:
            seen.append(await watch_event(producer, deployment.topics.member_events, view, event))
            update(len(seen))
            await asyncio.sleep(_PAUSE_SECONDS)
    return seen


async def watch_event(producer: AIOKafkaProducer, topic: str, view: View, event: Rate) -> float:
    """Send an event and ask all workers in turn for its user's list until one was made after it.

    A list tells when the state behind it was written (`as_of`, to the millisecond), and the workers' clock is ours;
    no other event of the user is on its way.

    Returns
    -------
    float
        Milliseconds between the broker's acknowledgement and the first such answer.

    Raises
    ------
    DemonstrationFailed
        If that takes more than 10 s.
    """
    sent = math.floor(time.time() * 1000)
    await producer.send_and_wait(topic, encode_event(event), key=event.user_id.encode())
    acknowledged = time.perf_counter()
    for url in cycle(view.urls):
        answer = await view.recommendations(url, event.user_id, 1)
        waited = time.perf_counter() - acknowledged
        if written_since(answer["as_of"], sent):
            return 1000 * waited
        if waited > _PATIENCE_SECONDS:
            raise DemonstrationFailed(f"{event.event_id} was acknowledged, and cannot be seen after {waited:.0f} s")
        await asyncio.sleep(_POLL_SECONDS)
    raise AssertionError("there is at least one worker")


def written_since(as_of: str | None, milliseconds: int) -> bool:
    """Tell whether a state was written at or after a time in milliseconds since the epoch."""
    return as_of is not None and round(datetime.fromisoformat(as_of).timestamp() * 1000) >= milliseconds


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least `share` (0 to 1) of all values do not exceed (nearest rank).

    >>> percentile([4.0, 1.0, 3.0, 2.0], 0.5)
    2.0
    """
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
