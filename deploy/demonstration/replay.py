"""Waiting for workers, and replaying events through them."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from app.operations.sending import SendReport, send_events
from deploy.demonstration.deployment import Deployment
from deploy.demonstration.errors import DemonstrationFailed
from deploy.demonstration.view import Counts, View

_Sending: TypeAlias = "asyncio.Task[SendReport]"

_READY_SECONDS = 120.0
_SILENT_SECONDS = 60.0
_POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay came to; `seconds` from the first record sent to the last one done."""

    sent: int
    seconds: float
    counts: Counts

    @property
    def per_second(self) -> float:
        """Records done in a second, the rejected ones included."""
        return self.sent / self.seconds


async def wait_until_ready(view: View, check: Callable[[], None]) -> None:
    """Wait until every worker takes traffic and the partitions are shared out between them.

    Parameters
    ----------
    check
        Raises when it is no use waiting.

    Raises
    ------
    DemonstrationFailed
        If that takes too long; the message says what the slowest worker waits for.
    """
    deadline = time.monotonic() + _READY_SECONDS
    while (reason := await _not_ready(view)) is not None:
        check()
        if time.monotonic() > deadline:
            raise DemonstrationFailed(f"the workers are not ready after {_READY_SECONDS:.0f} s: {reason}")
        await asyncio.sleep(_POLL_SECONDS)


async def replay(
    deployment: Deployment,
    view: View,
    records: Iterable[bytes],
    update: Callable[[int], None],
    check: Callable[[], None],
) -> Replayed:
    """Send records as fast as the broker takes them and wait until the workers are done with all of them.

    Raises
    ------
    DemonstrationFailed
        If the workers make no progress for a minute.
    JobFailed
        If the broker does not take the records.
    """
    before, started = (await view.counts()).done, time.monotonic()
    sending = asyncio.create_task(send_events(deployment.connection, deployment.topics.member_events, records))
    try:
        counts = await _follow(view, sending, before, update, check)
    finally:
        sending.cancel()  # does nothing to one that is done
        await asyncio.gather(sending, return_exceptions=True)
    return Replayed(sending.result().sent, time.monotonic() - started, counts)


async def _follow(
    view: View,
    sending: _Sending,
    before: int,
    update: Callable[[int], None],
    check: Callable[[], None],
) -> Counts:
    done, moved = 0, time.monotonic()
    while True:
        sent = sending.result().sent if sending.done() else None
        counts = await view.counts()
        if counts.done - before > done:
            done, moved = counts.done - before, time.monotonic()
            update(done)
        if sent is not None and done >= sent:
            return counts
        check()
        if time.monotonic() - moved > _SILENT_SECONDS:
            raise DemonstrationFailed(f"the workers stopped at {done:,} events of {sent if sent else 'those'} sent")
        await asyncio.sleep(_POLL_SECONDS)


async def _not_ready(view: View) -> str | None:
    for url in view.urls:
        if (reason := await view.not_ready(url)) is not None:
            return f"{url}: {reason}"
    for url in view.urls:
        partitions = await view.partitions(url)
        owners = {partition["owner"] for partition in partitions}
        if owners != set(view.urls):
            return f"{url} sees partitions with {', '.join(str(owner) for owner in owners)}"
        if any(partition["here"] != (partition["owner"] == url) for partition in partitions):
            return f"{url} does not hold yet what it owns"
    return None
