"""The list of a user whose partition runs on another worker: the owner's, or a standby's while the owner is away.

A standby says so in its answer.

A partition that is just being taken over counts as a standby. What a standby does not hold is not answered: that a row
is missing there does not mean that the user is new.
"""

import msgspec
from aiohttp import web

from app.query.endpoints.running_view import RunningView
from app.query.http.problems import Problem
from app.query.peers.client import Reply
from app.query.schema.answers import json_response
from app.query.schema.requests import RecommendationQuery

AWAY = 503
"""What an owner answers that cannot, and what is answered for one that does not."""


async def list_from_peer(
    running: RunningView, request: web.Request, user_id: str, partition: int, query: RecommendationQuery
) -> web.StreamResponse:
    """Return the list of a user whose partition does not run here; raises `Problem` when nobody has one."""
    asked = await _ask_owner(running, request, partition)
    if isinstance(asked, Reply) and asked.status != AWAY:
        return asked.response()
    stale = await _from_standby(running, request, user_id, partition, query)
    if stale is not None:
        return stale
    if isinstance(asked, Problem):
        raise asked
    return asked.response()


async def _ask_owner(running: RunningView, request: web.Request, partition: int) -> Reply | Problem:
    try:
        return await running.peers.ask(running.router.owner_of(partition, request), request)
    except Problem as problem:
        return problem


async def _from_standby(
    running: RunningView, request: web.Request, user_id: str, partition: int, query: RecommendationQuery
) -> web.StreamResponse | None:
    """Return the list of the standby here, else of the one elsewhere; None when neither has one."""
    state = running.read_standby(user_id)
    if state is not None:
        answer = await running.recommender.answer(running.recommender.pin(user_id, state, query))
        return json_response(msgspec.structs.replace(answer, stale=True))
    standby = running.router.standby_of(partition, request)
    if standby is None:
        return None
    try:
        reply = await running.peers.ask(standby, request)
    except Problem:
        return None  # the owner's problem is the one to tell
    return reply.response() if reply.status != AWAY else None
