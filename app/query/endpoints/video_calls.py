"""`GET /v1/videos/popular`: what is watched and liked most, by whomever."""

from aiohttp import web
from msgspec import UNSET

from app.query.endpoints.running_view import RunningView
from app.query.schema.answers import PopularAnswer, PopularItem, json_response
from app.query.schema.requests import PopularQuery, read_query
from models.names import GLOBAL_REGION


async def popular(running: RunningView, request: web.Request) -> web.StreamResponse:
    """Answer `GET /v1/videos/popular`."""
    query = read_query(request, PopularQuery)
    running.check_settled()
    region = None if query.region is UNSET else query.region
    found = running.view.popularity.top(region, query.days, query.limit)
    items = [PopularItem(video_id, running.title(video_id), count) for video_id, count in found]
    answer = PopularAnswer(
        region=region or GLOBAL_REGION, days=query.days, items=items, reason=UNSET if items else "nothing_counted"
    )
    return json_response(answer)
