"""Calls about one user: answered here when the user's partition is here, else by its owner."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

from aiohttp import web

from agents.users.user_state import UserState
from agents.users.users import NotHere
from app.query.endpoints.parts import QueryParts
from app.query.endpoints.peer_lists import list_from_peer
from app.query.http.problems import NO_MODEL, NOT_CONFIRMED, UNKNOWN_USER, UNKNOWN_VIDEO, Problem
from app.query.lists.recommendations import score_and_rank
from app.query.schema.answers import FactAnswer, UserAnswer, VideoScoreAnswer, json_response
from app.query.schema.requests import NoQuery, RecommendationQuery, read_query, user_id_of, video_id_of
from models.feedback.facts import Kind
from models.names import GLOBAL_REGION

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FORGET_SECONDS = 10.0
"""A tombstone waits for the chunk under way and for Kafka."""
_FORGET_HOP_MS = 12_000
_HAS_VALUE = {Kind.PLAY, Kind.RATE}


async def recommendations(parts: QueryParts, request: web.Request) -> web.StreamResponse:
    """Answer `GET /v1/users/{user_id}/recommendations`."""
    user_id = user_id_of(request)
    query = read_query(request, RecommendationQuery)
    try:
        state = parts.view.users.read(user_id)
    except NotHere as peer_lists:
        if parts.view.routing.holds(peer_lists.partition):
            raise
        return await list_from_peer(parts, request, user_id, peer_lists.partition, query)
    pinned = parts.recommender.pin(user_id, state, query)
    return json_response(await parts.recommender.answer(pinned))


async def video_score(parts: QueryParts, request: web.Request) -> web.StreamResponse:
    """Answer `GET /v1/users/{user_id}/recommendations/{video_id}`."""
    user_id, video_id = user_id_of(request), video_id_of(request)
    read_query(request, NoQuery)
    peer_lists = await parts.from_owner(user_id, request)
    if peer_lists is not None:
        return peer_lists
    history = parts.view.users.read(user_id).history
    region = history.region.name if history.region else None
    model = parts.view.models.active(region)
    if model is None:
        raise Problem(NO_MODEL, "no model is active, so there are no scores yet; try again")
    row = model.index.get(video_id)
    if row is None:
        raise Problem(UNKNOWN_VIDEO, f"model {model.version} of region {model.region} does not know {video_id}")
    scored = await parts.slots.run(score_and_rank, history, model, row)
    score, rank = scored or (None, None)
    return json_response(
        VideoScoreAnswer(
            user_id=user_id,
            video_id=video_id,
            title=parts.title(video_id),
            region=region or GLOBAL_REGION,
            model_version=model.version,
            score=score,
            rank=rank,
            videos=model.n_videos,
            seen=video_id in history.seen(),
        )
    )


async def user(parts: QueryParts, request: web.Request) -> web.StreamResponse:
    """Answer `GET /v1/users/{user_id}`."""
    user_id = user_id_of(request)
    read_query(request, NoQuery)
    peer_lists = await parts.from_owner(user_id, request)
    if peer_lists is not None:
        return peer_lists
    state = parts.view.users.read(user_id)
    if not state.written_at:
        raise Problem(UNKNOWN_USER, "no event of this user was applied; their list is the popular one")
    return json_response(_user_answer(user_id, state, parts))


async def erase(parts: QueryParts, request: web.Request) -> web.StreamResponse:
    """Answer `DELETE /v1/users/{user_id}`: 204 once nothing is stored for the user, whether there was anything or not.

    From then on no worker has the user's row, until an event of theirs is applied that begins a new history: a later
    one, one that waits in the topic still, or one that a producer repeats. The counts of what is popular name nobody,
    and stay. The topics keep what they were sent for as long as they keep anything: member events and dead letters for
    their retention, the changelog until it is compacted. A standby's copy, which answers while the owner is away and
    says so, follows within moments.
    """
    user_id = user_id_of(request)
    read_query(request, NoQuery)
    peer_lists = await parts.from_owner(user_id, request, _FORGET_HOP_MS)
    if peer_lists is not None:
        return peer_lists
    try:
        async with asyncio.timeout(_FORGET_SECONDS):
            await parts.view.erasure.erase(user_id)
    except TimeoutError:
        raise Problem(
            NOT_CONFIRMED, f"the tombstone was begun, but is not acknowledged after {_FORGET_SECONDS:.0f} s; ask again"
        ) from None
    return web.Response(status=204)


def _user_answer(user_id: str, state: UserState, parts: QueryParts) -> UserAnswer:
    history = state.history
    facts = _facts(state, parts)
    return UserAnswer(
        user_id=user_id,
        partition=parts.view.routing.partition_of(user_id),
        owner=parts.view.routing.own_url,
        region=history.region.name if history.region else None,
        model_version=state.version or None,
        written_at=_time(state.written_at),
        last_event=None if history.last_ts is None else _time(history.last_ts),
        applied_offset=state.applied_offset,
        stored_scores=len(state.top),
        counts=Counter(fact.kind for fact in facts),
        history=facts,
    )


def _facts(state: UserState, parts: QueryParts) -> list[FactAnswer]:
    """Return the history, newest first."""
    facts = state.history.facts
    columns = zip(
        state.history.videos, facts["kind"].tolist(), facts["value"].tolist(), facts["ts"].tolist(), strict=True
    )
    return [
        FactAnswer(
            video_id=video_id,
            title=parts.title(video_id),
            kind=Kind(kind).name.lower(),
            value=value if kind in _HAS_VALUE else None,
            ts=_time(ts),
        )
        for video_id, kind, value, ts in reversed(list(columns))
    ]


def _time(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)
