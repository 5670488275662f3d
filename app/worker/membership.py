"""A worker's place in its group: claimed before it joins, given up after it has stopped.

Its name and its address must be its own. Faust would not notice otherwise: the group hands a member that has the name
of another one the other's partitions, and both hang.
"""

import asyncio
import logging
import time

import aiohttp
from aiokafka.errors import KafkaError

from agents.events.reader import Reader
from agents.kafka.broker_probe import BrokerProbe
from agents.kafka.connection import Connection
from agents.kafka.group import Group, GroupState, Member, Place, open_group
from agents.kafka.topics import check_topics
from agents.liveness.supervisor import Supervisor
from agents.liveness.watchdog import AWAY_SECONDS
from app.settings.settings import Settings
from app.settings.topics import connection_of, specs_of
from app.worker.faust_seam import StreamApp

_log = logging.getLogger(__name__)
_COORDINATOR_SECONDS = 30.0
"""A new broker makes the topic of its groups first."""
_ANSWER_SECONDS = 3.0
"""How long a worker may keep silent that is not dead: its event loop never stands still for longer."""
_LEAVE_SECONDS = 2.0
_LOOK_SECONDS = 1.0


class PlaceTaken(Exception):
    """Another worker that is alive has this one's name or address; the message names both."""


def place_of(settings: Settings) -> Place:
    """Return where a worker with these settings stands."""
    worker = settings.worker
    return Place(f"{settings.app_id}-{worker.id}", settings.http.advertised_url, worker.static_membership)


async def claim_place(connection: Connection, group: str, place: Place) -> None:
    """Make sure that nobody else has this worker's name or address, and remove dead members that had.

    A dead member of the same name and address stays where its partitions are to be kept.

    Raises
    ------
    PlaceTaken
        When somebody alive has either.
    KafkaError
        When the group's coordinator does not answer.
    """
    if await answers(place.url):
        raise PlaceTaken(
            f"another worker answers at {place.url}, which this one was to advertise; give each worker an address of "
            "its own with http.port and http.advertised_host"
        )
    async with open_group(connection, group, _COORDINATOR_SECONDS) as opened:
        for member in (await opened.describe()).members:
            returns = member.is_at(place) and place.static and member.instance_id == place.instance_id
            if returns or not member.disputes(place):
                continue
            if member.url != place.url and await answers(member.url):
                raise PlaceTaken(
                    f"a worker named {member.name} answers at {member.url} and is in the group {group}; give each "
                    "worker a name of its own with --id, or stop that one first"
                )
            await opened.remove(member)
            _log.warning("removed a dead worker from the group: %s at %s", member.name, member.url)


async def leave_group(connection: Connection, group: str, place: Place) -> None:
    """Take a worker that has stopped out of its group where it would keep others waiting; errors are logged only.

    A static member stays in a calm group: it will be back, and nobody needs to move for it. While members wait for
    each other they would wait for this one, too, until its session ends. A member that is not static leaves always,
    which Faust cannot do during a rebalance.
    """
    try:
        async with asyncio.timeout(_LEAVE_SECONDS), open_group(connection, group, _LEAVE_SECONDS) as opened:
            state = await opened.describe()
            for member in _own(state, place):
                if member.instance_id is None or not state.calm:
                    await opened.remove(member)
                    _log.info("left the group %s, whose state was %s", group, state.state)
    except (KafkaError, OSError, TimeoutError) as error:
        _log.warning("could not leave the group %s, which may wait until this worker's session ends: %r", group, error)


async def watch_membership(
    app: StreamApp, reader: Reader, probe: BrokerProbe, settings: Settings, supervisor: Supervisor
) -> None:
    """Leave when this worker gets no assignment and recovery stands still: Faust waits for ever in some such cases.

    While the broker or the group's coordinator is away nobody gets one, and a start would not help. A spare worker has
    its assignment, though there is nothing in it.
    """
    bound = settings.worker.takeover_seconds + settings.worker.session_timeout_seconds
    connection, place = connection_of(settings), place_of(settings)
    since = time.monotonic()
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        if failure := app.group_failure():
            seen = await _seen_in_group(connection, settings.app_id, place)
            supervisor.leave(
                f"this worker fell out of its group: {failure}; {seen or 'its coordinator does not answer'}"
            )
        if reader.running or reader.recovering or probe.silent_seconds > AWAY_SECONDS:
            since = time.monotonic()
        elif time.monotonic() - since > bound:
            if seen := await _seen_in_group(connection, settings.app_id, place):
                supervisor.leave(f"no assignment came for {bound:.0f} s; {seen}")
            _log.error("no assignment came for %.0f s, and the group's coordinator does not answer: waiting", bound)
            since = time.monotonic()


async def _seen_in_group(connection: Connection, group: str, place: Place) -> str | None:
    """Return what the coordinator says of this worker's place, None when it does not answer."""
    try:
        async with asyncio.timeout(_LEAVE_SECONDS), open_group(connection, group, _LEAVE_SECONDS) as opened:
            state = await opened.describe()
    except (KafkaError, OSError, TimeoutError):
        return None
    for member in state.members:
        if member.disputes(place) and not member.is_at(place):
            return f"{member.name} at {member.url} has its id or its address; give each worker both of its own"
    here = "has this worker" if _own(state, place) else "does not have this worker"
    return f"the group {group} {here}, {len(state.members)} members and the state {state.state}"


async def hindrance_to_sharing_out(settings: Settings, *, served: bool) -> str | None:
    """Return why a new assignment would be no better, or would cost much now; None when it may be asked for.

    A member that is dead but in the group would keep all others waiting until its session ends. Where partitions are
    not `served` that is no reason: nothing is lost by waiting.

    Raises
    ------
    TopicMismatch
        When topics are missing or wrong.
    KafkaError, OSError, TimeoutError
        When the broker does not answer.
    """
    connection = connection_of(settings)
    async with asyncio.timeout(_COORDINATOR_SECONDS):
        await check_topics(connection, specs_of(settings))
        async with open_group(connection, settings.app_id, _LEAVE_SECONDS) as opened:
            state = await opened.describe()
    if not state.calm:
        return f"the state of the group is {state.state}"
    for member in state.members if served else ():
        if not await answers(member.url):
            return f"the worker {member.name} is in the group and does not answer at {member.url}"
    return None


async def remove_worker(group: Group, name: str) -> Member | None:
    """Remove a stopped worker, so that its partitions move now; returns it, None when the group has none so called.

    Raises
    ------
    PlaceTaken
        When it is alive.
    """
    removed = None
    for member in (await group.describe()).members:
        if member.name == name:
            if await answers(member.url):
                raise PlaceTaken(f"the worker {name} answers at {member.url}; stop it first")
            await group.remove(member)
            removed = member
    return removed


async def answers(url: str) -> bool:
    """Return whether a worker answers at an address, well or not."""
    try:
        timeout = aiohttp.ClientTimeout(total=_ANSWER_SECONDS)
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(f"{url}/health/live", allow_redirects=False) as response,
        ):
            return response.status in {200, 503} and "json" in response.content_type
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False


def _own(state: GroupState, place: Place) -> list[Member]:
    return [member for member in state.members if member.is_at(place)]
