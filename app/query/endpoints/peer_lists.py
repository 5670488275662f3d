"""The list of a user who is kept elsewhere: the owner's, or that of a copy which says so while the owner is away.

A copy is a standby, or a partition that is just being taken over. What it does not hold is not answered: that a row
is missing there does not mean that the user is new.
"""

import msgspec
from aiohttp import web

from app.query.endpoints.parts import QueryParts
from app.query.http.problems import Problem
from app.query.peers.router import Reply
from app.query.schema.answers import json_response
from app.query.schema.requests import RecommendationQuery

AWAY = 503
"""What an owner answers that cannot, and what is answered for one that does not."""


async def list_from_peer(
    parts: QueryParts, request: web.Request, user_id: str, partition: int, query: RecommendationQuery
) -> web.StreamResponse:
    """Return the list of a user whose partition does not run here; raises `Problem` when nobody has one."""
    asked = await _ask_owner(parts, request, partition)
    if isinstance(asked, Reply) and asked.status != AWAY:
        return asked.response()
    copied = await _from_standby(parts, request, user_id, partition, query)
    if copied is not None:
        return copied
    if isinstance(asked, Problem):
        raise asked
    return asked.response()


async def _ask_owner(parts: QueryParts, request: web.Request, partition: int) -> Reply | Problem:
    try:
        return await parts.router.ask(parts.router.owner_of(partition, request), request)
    except Problem as problem:
        return problem


async def _from_standby(
    parts: QueryParts, request: web.Request, user_id: str, partition: int, query: RecommendationQuery
) -> web.StreamResponse | None:
    state = parts.view.users.read_standby(user_id)
    if state is not None:
        answer = await parts.recommender.answer(parts.recommender.pin(user_id, state, query))
        return json_response(msgspec.structs.replace(answer, stale=True))
    standby = parts.router.standby_of(partition, request)
    if standby is None:
        return None
    try:
        reply = await parts.router.ask(standby, request)
    except Problem:
        return None  # the owner's problem is the one to tell
    return reply.response() if reply.status != AWAY else None
