"""`POST /v1/anonymous/recommendations`: a list from the events of the request alone, nothing stored."""

from aiohttp import web
from msgspec import UNSET

from agents.users.user_state import UserState
from app.query.endpoints.running_view import RunningView
from app.query.http.problems import INVALID_EVENT, INVALID_REQUEST, Problem
from app.query.schema.answers import json_response
from app.query.schema.requests import AnonymousRequest, NoQuery, decode_body, query_for, read_body, read_query
from models.feedback.events import Event, Rejected, decode_event, encode_event
from models.feedback.history import EMPTY_HISTORY


async def anonymous(running: RunningView, request: web.Request) -> web.StreamResponse:
    """Answer `POST /v1/anonymous/recommendations`."""
    read_query(request, NoQuery)
    settings = running.view.settings
    asked = decode_body(await read_body(request, settings.max_body_bytes), AnonymousRequest)
    running.check_settled()
    now = running.view.now()
    _check_events(asked.events, now)
    history = EMPTY_HISTORY.apply(asked.events, settings.history_limit)
    state = UserState(history, applied_offset=-1, recent=b"", written_at=int(now * 1000))
    region = None if asked.context.region is UNSET else asked.context.region
    pinned = running.recommender.pin(None, state, query_for(asked.context, asked.limit), region)
    return json_response(await running.recommender.answer(pinned))


def _check_events(events: tuple[Event, ...], now: float) -> None:
    """Hold the events to the contract of the topic, all of one person."""
    for number, event in enumerate(events):
        try:
            decode_event(encode_event(event), event.user_id.encode(), now)
        except Rejected as error:
            raise Problem(INVALID_EVENT, f"events[{number}], {error.reason}: {error}") from None
    if len({event.user_id for event in events}) > 1:
        raise Problem(INVALID_REQUEST, "body: the events have more than one user_id; a list is for one person")
