"""Calls that every worker answers alike: anonymous lists, what is popular, who owns what."""

from aiohttp import web
from msgspec import UNSET

from agents.users.user_state import UserState
from app.query.endpoints.parts import QueryParts
from app.query.http.problems import INVALID_EVENT, INVALID_REQUEST, Problem
from app.query.schema.answers import (
    PartitionAnswer,
    PartitionsAnswer,
    PopularAnswer,
    PopularItem,
    UserRoutingAnswer,
    json_response,
)
from app.query.schema.requests import (
    AnonymousRequest,
    NoQuery,
    PopularQuery,
    decode_body,
    query_for,
    read_body,
    read_query,
    user_id_of,
)
from models.feedback.events import Event, Rejected, decode_event, encode_event
from models.feedback.history import EMPTY_HISTORY
from models.names import GLOBAL_REGION


async def anonymous(parts: QueryParts, request: web.Request) -> web.StreamResponse:
    """Answer `POST /v1/anonymous/recommendations`."""
    read_query(request, NoQuery)
    asked = decode_body(await read_body(request, parts.view.max_body_bytes), AnonymousRequest)
    now = parts.view.now()
    _check_events(asked.events, now)
    history = EMPTY_HISTORY.apply(asked.events, parts.view.history_limit)
    state = UserState(history, applied_offset=-1, recent=b"", written_at=int(now * 1000))
    region = None if asked.context.region is UNSET else asked.context.region
    pinned = parts.recommender.pin(None, state, query_for(asked.context, asked.limit), region)
    return json_response(await parts.recommender.answer(pinned))


def _check_events(events: tuple[Event, ...], now: float) -> None:
    """Hold the events to the contract of the topic, all of one person."""
    for number, event in enumerate(events):
        try:
            decode_event(encode_event(event), event.user_id.encode(), now)
        except Rejected as error:
            raise Problem(INVALID_EVENT, f"events[{number}], {error.reason}: {error}") from None
    if len({event.user_id for event in events}) > 1:
        raise Problem(INVALID_REQUEST, "body: the events have more than one user_id; a list is for one person")


async def popular(parts: QueryParts, request: web.Request) -> web.StreamResponse:
    """Answer `GET /v1/videos/popular`."""
    query = read_query(request, PopularQuery)
    region = None if query.region is UNSET else query.region
    found = parts.view.popularity.top(region, query.days, query.limit)
    items = [PopularItem(video_id, parts.title(video_id), count) for video_id, count in found]
    answer = PopularAnswer(
        region=region or GLOBAL_REGION, days=query.days, items=items, reason=UNSET if items else "nothing_counted"
    )
    return json_response(answer)


async def user_routing(parts: QueryParts, request: web.Request) -> web.StreamResponse:
    """Answer `GET /v1/routing/users/{user_id}`."""
    user_id = user_id_of(request)
    read_query(request, NoQuery)
    routing = parts.view.routing
    partition = routing.partition_of(user_id)
    return json_response(
        UserRoutingAnswer(
            user_id=user_id, partition=partition, owner=routing.owner(partition), here=routing.holds(partition)
        )
    )


async def partitions(parts: QueryParts, request: web.Request) -> web.StreamResponse:
    """Answer `GET /v1/routing/partitions`."""
    read_query(request, NoQuery)
    routing = parts.view.routing
    found = [
        PartitionAnswer(partition=number, owner=routing.owner(number), here=routing.holds(number))
        for number in range(routing.partitions)
    ]
    return json_response(PartitionsAnswer(routing.own_url, found))


async def openapi(parts: QueryParts, _: web.Request) -> web.StreamResponse:
    """Answer `GET /openapi.json`."""
    return web.Response(body=parts.document, content_type="application/json")
