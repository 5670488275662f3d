"""`GET /v1/users/{user_id}`: answered here when the user's partition is here, else by its owner."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from aiohttp import web
from msgspec import UNSET

from agents.users.user_state import UserState
from app.query.endpoints.locating import Located, locate
from app.query.endpoints.running_view import RunningView
from app.query.http.problems import UNKNOWN_USER, Problem
from app.query.schema.answers import FactAnswer, UserAnswer, json_response
from app.query.schema.requests import NoQuery, read_query, user_id_of
from models.feedback.facts import Kind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)
_UNKNOWN = "no event of this user was applied; their list is the popular one"
_UNKNOWN_SO_FAR = (
    "no event of this user was applied where murmur2 of the id says, and not every worker that may have them elsewhere "
    "gave an answer; try again"
)
_HAS_VALUE = {Kind.PLAY, Kind.RATE}


async def user(running: RunningView, request: web.Request) -> web.StreamResponse:
    """Answer `GET /v1/users/{user_id}`."""
    user_id = user_id_of(request)
    read_query(request, NoQuery)
    located = await locate(running, request, user_id)
    if isinstance(located, web.Response):
        return located
    running.check_lease()
    if not located.state.written_at:
        raise Problem(UNKNOWN_USER, _UNKNOWN if located.elsewhere is UNSET else _UNKNOWN_SO_FAR)
    return json_response(_user_answer(user_id, located, running))


def _user_answer(user_id: str, located: Located, running: RunningView) -> UserAnswer:
    state = located.state
    history = state.history
    facts = _facts(state, running)
    return UserAnswer(
        user_id=user_id,
        partition=located.partition,
        owner=running.view.routing.own_url,
        region=history.region_name,
        model_version=state.version or None,
        written_at=_time(state.written_at),
        last_event=None if history.last_ts is None else _time(history.last_ts),
        applied_offset=state.applied_offset,
        stored_scores=len(state.top),
        counts=Counter(fact.kind for fact in facts),
        history=facts,
    )


def _facts(state: UserState, running: RunningView) -> list[FactAnswer]:
    """Return the history, newest first."""
    facts = state.history.facts
    columns = zip(
        state.history.videos, facts["kind"].tolist(), facts["value"].tolist(), facts["ts"].tolist(), strict=True
    )
    return [
        FactAnswer(
            video_id=video_id,
            title=running.title(video_id),
            kind=Kind(kind).name.lower(),
            value=value if kind in _HAS_VALUE else None,
            ts=_time(ts),
        )
        for video_id, kind, value, ts in reversed(list(columns))
    ]


def _time(milliseconds: int) -> datetime:
    """Return a moment, `_NEVER` for a number that is none."""
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return _NEVER
