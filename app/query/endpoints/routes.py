"""Every endpoint in one table, and how they get into a web application."""

from functools import partial

from aiohttp import web

from app.query.endpoints import (
    anonymous_calls,
    batch_calls,
    erasure_calls,
    list_calls,
    model_calls,
    routing_calls,
    user_calls,
    video_calls,
    worker_calls,
)
from app.query.endpoints.openapi import openapi, openapi_document
from app.query.endpoints.page_calls import FILES, make_file_call
from app.query.endpoints.route import Route
from app.query.endpoints.running_view import RunningView
from app.query.http.access import Keys
from app.query.http.guard import UNMATCHED, guarded, unmatched
from app.query.http.http_metrics import HttpMetrics
from app.query.schema.answers import (
    ActivationAnswer,
    BatchAnswer,
    CheckpointAnswer,
    ErasureAnswer,
    ErasureCheckAnswer,
    HealthAnswer,
    ModelsAnswer,
    PartitionsAnswer,
    PopularAnswer,
    RecommendationsAnswer,
    UserAnswer,
    UserRoutingAnswer,
    VideoScoreAnswer,
)
from app.query.schema.requests import (
    ActivationRequest,
    AnonymousRequest,
    BatchRequest,
    ErasureCheckRequest,
    PopularQuery,
    RecommendationQuery,
)
from app.query.view import QueryView

_USER = "/v1/users/{user_id}"

ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        f"{_USER}/recommendations",
        list_calls.recommendations,
        "A user's list",
        answer=RecommendationsAnswer,
        query=RecommendationQuery,
    ),
    Route(
        "GET",
        f"{_USER}/recommendations/{{video_id}}",
        list_calls.video_score,
        "The score of one video for a user",
        answer=VideoScoreAnswer,
    ),
    Route("GET", _USER, user_calls.user, "What is kept for a user", answer=UserAnswer, scope="admin"),
    Route("DELETE", _USER, erasure_calls.erase, "Erase a user", ErasureAnswer, scope="admin", accepts=True),
    Route(
        "GET",
        "/v1/erasures/{erasure_id}",
        erasure_calls.erasure_status,
        "What became of an erasure",
        answer=ErasureAnswer,
        scope="admin",
    ),
    Route(
        "POST",
        erasure_calls.CHECK_PATH,
        erasure_calls.check,
        "What erasures came to on this worker",
        answer=ErasureCheckAnswer,
        scope="admin",
        body=ErasureCheckRequest,
    ),
    Route(
        "POST",
        "/v1/recommendations:batch",
        batch_calls.batch,
        "Lists of several users",
        answer=BatchAnswer,
        body=BatchRequest,
    ),
    Route(
        "POST",
        "/v1/anonymous/recommendations",
        anonymous_calls.anonymous,
        "A list from the events of the request alone",
        answer=RecommendationsAnswer,
        body=AnonymousRequest,
    ),
    Route("GET", "/v1/videos/popular", video_calls.popular, "What is popular", PopularAnswer, query=PopularQuery),
    Route("GET", "/v1/models", model_calls.models, "The models in use", answer=ModelsAnswer),
    Route(
        "POST",
        "/v1/models/{region}:activate",
        model_calls.activate,
        "Choose the version that a region serves",
        answer=ActivationAnswer,
        scope="admin",
        body=ActivationRequest,
    ),
    Route("GET", "/v1/routing/users/{user_id}", routing_calls.user_routing, "Where a user is kept", UserRoutingAnswer),
    Route(
        "GET",
        "/v1/routing/partitions",
        routing_calls.partitions,
        "Who owns which partition, and which have nobody",
        PartitionsAnswer,
    ),
    Route(
        "POST",
        "/v1/state:checkpoint",
        worker_calls.checkpoint,
        "Copy this worker's tables",
        answer=CheckpointAnswer,
        scope="admin",
    ),
    Route("GET", "/health/live", worker_calls.live, "Does it make progress", HealthAnswer, scope="open"),
    Route("GET", "/health/startup", worker_calls.startup, "Has it started", HealthAnswer, scope="open"),
    Route("GET", "/health/ready", worker_calls.ready, "May traffic come", HealthAnswer, scope="open"),
    Route("GET", "/metrics", worker_calls.metrics, "Prometheus metrics", "text/plain", scope="open"),
    Route("GET", "/openapi.json", openapi, "This document", "application/json", scope="open"),
    *(
        Route("GET", path, make_file_call(path), "The page", content_type, scope="open")
        for path, (_, content_type) in FILES.items()
    ),
)


def attach(web_app: web.Application, view: QueryView) -> None:
    """Add the query view to a web application that has not started: routes, and closing at its end.

    Every other path of the application answers 404 as a problem. May be called once for a registry.
    """
    running = RunningView.of(view, openapi_document(ROUTES))
    keys, metrics = Keys.of(view.settings.read_keys, view.settings.admin_keys), HttpMetrics(view.registry)
    for route in ROUTES:
        handler = guarded(partial(route.handler, running), route.path, route.scope, keys, metrics)
        web_app.router.add_route(route.method, route.pattern, handler)
    web_app.router.add_route("*", "/{path:.*}", guarded(unmatched, UNMATCHED, "open", keys, metrics))
    web_app.on_cleanup.append(running.close)
