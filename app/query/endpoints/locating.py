"""Where a user is kept: in the partition that murmur2 of their id gives, or where another partitioner put their events.

Only while some partition has such users does anybody look further than murmur2 says, and only for a user of whom
nothing is there: into this worker's own of those partitions, and then by one question to each owner of the others, all
at the same time, within half of the time that a hop may take. Who is asked so looks into its own, and asks nobody.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web
from msgspec import UNSET, UnsetType

from agents.users.user_state import UserState
from app.query.endpoints.running_view import RunningView
from app.query.http.headers import ELSEWHERE_HEADER
from app.query.http.problems import UNKNOWN_USER, Problem
from app.query.peers.client import Reply
from app.query.schema.answers import KeptElsewhere

_NOTHING = 404


@dataclass(frozen=True, slots=True)
class Located:
    """A user's state, and where it is.

    Parameters
    ----------
    state : the user's, `NEW_USER` where nothing was found.
    partition : where it is, or would be.
    elsewhere : whether that is not where murmur2 says; or that somebody who might have it gave no answer.
    """

    state: UserState
    partition: int
    elsewhere: KeptElsewhere | UnsetType = UNSET


async def locate(running: RunningView, request: web.Request, user_id: str) -> Located | web.Response:
    """Return a user's state, or what the worker answered that has it; raises `Problem`."""
    partition = running.view.routing.partition_of(user_id)
    if not running.view.routing.holds(partition):
        if ELSEWHERE_HEADER in request.headers:
            return asked_by_peer(running, user_id)
        owner = running.router.owner_of(partition, request)
        return (await running.peers.ask(owner, request)).response()
    state = running.view.users.read(user_id)
    if state.written_at or not running.view.misplaced.partitions:
        return Located(state, partition)
    return await look_elsewhere(running, request, user_id, state)


async def look_elsewhere(
    running: RunningView, request: web.Request, user_id: str, nothing: UserState
) -> Located | web.Response:
    """Look for a user who is not where murmur2 says, but may be elsewhere; `nothing` is what is there."""
    if ELSEWHERE_HEADER in request.headers:
        return asked_by_peer(running, user_id)
    if (found := read_elsewhere(running, user_id)) is not None:
        return found
    owners, unowned = other_owners(running)
    replies = await asyncio.gather(*(_ask(running, request, owner) for owner in owners))
    for reply in replies:
        if reply is not None and reply.status != _NOTHING:
            return reply.response()
    complete = not unowned and None not in replies
    home = running.view.routing.partition_of(user_id)
    return Located(nothing, home, UNSET if complete else "unanswered")


def asked_by_peer(running: RunningView, user_id: str) -> Located:
    """Return what this worker has of a user elsewhere than murmur2 says; raises `Problem` when it has nothing."""
    found = read_elsewhere(running, user_id)
    if found is None:
        raise Problem(UNKNOWN_USER, "no partition of this worker has anything of this user")
    return found


def read_elsewhere(running: RunningView, user_id: str) -> Located | None:
    """Return the newest that this worker's partitions have of a user who belongs elsewhere; a RocksDB get each."""
    home, found = running.view.routing.partition_of(user_id), None
    for partition in filter(running.view.routing.holds, running.view.misplaced.partitions - {home}):
        state = running.view.users.read_in(partition, user_id)
        if state.written_at and (found is None or state.written_at > found.state.written_at):
            found = Located(state, partition, "found")
    return found


def other_owners(running: RunningView) -> tuple[set[str], bool]:
    """Return the other workers whose partitions have such users, and whether any such partition has no owner."""
    routing = running.view.routing
    owners: Mapping[int, str] = routing.all_owners()
    elsewhere = [partition for partition in running.view.misplaced.partitions if not routing.holds(partition)]
    asked = {owners[partition] for partition in elsewhere if partition in owners} - {routing.own_url}
    return asked, any(owners.get(partition, routing.own_url) == routing.own_url for partition in elsewhere)


def peer_timeout_ms(running: RunningView) -> int:
    """Return how long a question about users elsewhere may take: whoever waits for this worker waits twice as long."""
    return max(1, running.view.settings.forward_timeout_ms // 2)


async def _ask(running: RunningView, request: web.Request, owner: str) -> Reply | None:
    """Return what an owner answers, None when it cannot say."""
    try:
        reply = await running.peers.ask(owner, request, timeout_ms=peer_timeout_ms(running), elsewhere=True)
    except Problem:
        return None
    return reply if reply.status in {200, _NOTHING} else None
