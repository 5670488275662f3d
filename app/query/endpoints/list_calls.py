"""`GET /v1/users/{user_id}/recommendations` and `…/{video_id}`: a user's list, and one video's place in it."""

import msgspec
from aiohttp import web

from agents.users.users import NotHere
from app.query.endpoints.locating import Located, asked_by_peer, locate, look_elsewhere
from app.query.endpoints.peer_lists import list_from_peer
from app.query.endpoints.running_view import RunningView
from app.query.http.headers import ELSEWHERE_HEADER
from app.query.http.problems import NO_MODEL, UNKNOWN_VIDEO, Problem
from app.query.lists.recommendations import score_and_rank
from app.query.schema.answers import VideoScoreAnswer, as_of, json_response
from app.query.schema.requests import NoQuery, RecommendationQuery, read_query, user_id_of, video_id_of
from models.names import GLOBAL_REGION


async def recommendations(running: RunningView, request: web.Request) -> web.StreamResponse:
    """Answer `GET /v1/users/{user_id}/recommendations`: here when the user's partition is here, else by a peer."""
    user_id = user_id_of(request)
    query = read_query(request, RecommendationQuery)
    try:
        state = running.view.users.read(user_id)
    except NotHere as not_here:
        if running.view.routing.holds(not_here.partition):
            raise
        if ELSEWHERE_HEADER not in request.headers:
            return await list_from_peer(running, request, user_id, not_here.partition, query)
        return await _list_of(running, asked_by_peer(running, user_id), user_id, query)
    if not state.written_at and running.view.misplaced.partitions:
        located = await look_elsewhere(running, request, user_id, state)
        return await _list_of(running, located, user_id, query)
    pinned = running.recommender.pin(user_id, state, query)
    return json_response(await running.recommender.answer(pinned))


async def _list_of(
    running: RunningView, located: Located | web.Response, user_id: str, query: RecommendationQuery
) -> web.StreamResponse:
    """Answer with the list of a user who was looked for elsewhere than murmur2 says."""
    if isinstance(located, web.Response):
        return located
    answer = await running.recommender.answer(running.recommender.pin(user_id, located.state, query))
    return json_response(msgspec.structs.replace(answer, kept_elsewhere=located.elsewhere))


async def video_score(running: RunningView, request: web.Request) -> web.StreamResponse:
    """Answer `GET /v1/users/{user_id}/recommendations/{video_id}`: here, else by the partition's owner."""
    user_id, video_id = user_id_of(request), video_id_of(request)
    read_query(request, NoQuery)
    located = await locate(running, request, user_id)
    if isinstance(located, web.Response):
        return located
    history = located.state.history
    region = history.region_name
    model = running.view.models.active(region)
    if model is None:
        raise Problem(NO_MODEL, "no model is active, so there are no scores yet; try again")
    row = model.index.get(video_id)
    if row is None:
        raise Problem(UNKNOWN_VIDEO, f"model {model.version} of region {model.region} does not know {video_id}")
    scored = await running.threads.run(score_and_rank, history, model, row)
    score, rank = scored or (None, None)
    return json_response(
        VideoScoreAnswer(
            user_id=user_id,
            video_id=video_id,
            title=running.title(video_id),
            region=region or GLOBAL_REGION,
            model_version=model.version,
            as_of=as_of(located.state),
            stale=running.view.lease.lapsed,
            score=score,
            rank=rank,
            videos=model.n_videos,
            seen=video_id in history.seen(),
        )
    )
