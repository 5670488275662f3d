"""`GET /v1/models`, what serves on this worker, and `POST …/{region}:activate`, what shall serve on all."""

from aiohttp import web

from app.errors import JobFailed
from app.query.endpoints.running_view import RunningView
from app.query.http.problems import STORE_AWAY, VERSION_REFUSED, Problem
from app.query.schema.answers import ActivationAnswer, ModelsAnswer, json_response
from app.query.schema.requests import ActivationRequest, NoQuery, decode_body, read_body, read_query, region_of
from models.errors import ArtifactInvalid, StoreUnavailable


async def models(running: RunningView, request: web.Request) -> web.StreamResponse:
    """Answer `GET /v1/models`."""
    read_query(request, NoQuery)
    return json_response(ModelsAnswer(running.view.models.status()))


async def activate(running: RunningView, request: web.Request) -> web.StreamResponse:
    """Answer `POST /v1/models/{region}:activate`: 200 once the version is announced to every worker.

    A version that was announced before, and not rejected, is served at once; anything else is tried first.
    `GET /v1/models` of each worker tells when it serves.
    """
    region = region_of(request)
    read_query(request, NoQuery)
    asked = decode_body(await read_body(request, running.view.settings.max_body_bytes), ActivationRequest)
    try:
        announcement, changed = await running.view.activation.activate(region, asked.version)
    except StoreUnavailable as error:
        raise Problem(STORE_AWAY, str(error)) from None
    except (ArtifactInvalid, JobFailed) as error:
        raise Problem(VERSION_REFUSED, str(error)) from None
    return json_response(
        ActivationAnswer(
            region=announcement.region, version=announcement.version, sequence=announcement.sequence, changed=changed
        )
    )
