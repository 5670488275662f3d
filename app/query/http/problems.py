"""Errors as problem details (RFC 9457), and the one place that turns an error into a status.

A problem's `type` is stable, so that callers may act on it: ``urn:nearline:problem:<name>``.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from aiohttp import web

from agents.users.users import NotHere
from models.errors import ModelError

PROBLEM_TYPE = "application/problem+json"
_log = logging.getLogger(__name__)


class ProblemDetails(msgspec.Struct, frozen=True, kw_only=True):
    """A problem on the wire."""

    type: str
    title: str
    status: int
    detail: str


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """A sort of problem: name in its URN, HTTP status, title, and seconds after which to try again, if at all."""

    name: str
    status: int
    title: str
    retry_after: int | None = None

    @property
    def urn(self) -> str:
        """The problem's stable `type`."""
        return f"urn:nearline:problem:{self.name}"


INVALID_REQUEST = ProblemKind("invalid-request", 400, "The request is not valid")
INVALID_EVENT = ProblemKind("invalid-event", 400, "An event breaks the contract")
KEY_NEEDED = ProblemKind("key-needed", 401, "An API key is needed")
SCOPE_NEEDED = ProblemKind("scope-needed", 403, "The API key lacks the scope")
NOT_FOUND = ProblemKind("not-found", 404, "There is nothing here")
UNKNOWN_USER = ProblemKind("unknown-user", 404, "No event of this user was applied")
UNKNOWN_ERASURE = ProblemKind("unknown-erasure", 404, "No worker knows this erasure")
UNKNOWN_VIDEO = ProblemKind("unknown-video", 404, "The model does not know this video")
VERSION_REFUSED = ProblemKind("version-refused", 409, "The version cannot serve")
METHOD_NOT_ALLOWED = ProblemKind("method-not-allowed", 405, "The method is not allowed here")
BODY_TOO_LARGE = ProblemKind("body-too-large", 413, "The body is too large")
NOT_JSON = ProblemKind("not-json", 415, "The body must be application/json")
HTTP_ERROR = ProblemKind("http-error", 400, "The request cannot be processed")
TOO_BUSY = ProblemKind("too-busy", 429, "Too many lists are being computed", retry_after=1)
INTERNAL = ProblemKind("internal", 500, "Something is wrong with this worker")
MODEL_FAILED = ProblemKind("model-failed", 500, "The model failed for this user")
NO_CHECKPOINT = ProblemKind("no-checkpoint", 500, "The checkpoint could not be written")
NOT_HEALTHY = ProblemKind("not-healthy", 503, "The worker says no", retry_after=1)
NOTHING_TO_RECOMMEND = ProblemKind("nothing-to-recommend", 503, "There is nothing to recommend yet", retry_after=5)
STORE_AWAY = ProblemKind("store-away", 503, "The model store does not answer", retry_after=5)
NO_MODEL = ProblemKind("no-model", 503, "No model is active yet", retry_after=5)
NOT_OWNER = ProblemKind("not-owner", 503, "The user's partition is not here", retry_after=1)
OWNER_UNKNOWN = ProblemKind("owner-unknown", 503, "The user's partition has no owner now", retry_after=1)
OWNER_UNREACHABLE = ProblemKind("owner-unreachable", 503, "The owner of the user's partition gives no answer", 1)
OWNER_TIMEOUT = ProblemKind("owner-timeout", 503, "The owner of the user's partition is too slow", retry_after=1)
STARTING = ProblemKind("starting", 503, "The worker does not know what it recommends from yet", retry_after=1)
CUT_OFF = ProblemKind("cut-off", 503, "The worker is cut off from its group", retry_after=2)
NOT_CONFIRMED = ProblemKind("not-confirmed", 503, "Kafka has not confirmed the change", retry_after=5)


class Problem(Exception):
    """Ends a request with problem details.

    Parameters
    ----------
    kind : what sort of problem.
    detail : the full sentence: what was found, where, what to do.
    headers : more headers of the answer.
    """

    def __init__(self, kind: ProblemKind, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        if kind.retry_after is not None:
            self.headers["Retry-After"] = str(kind.retry_after)

    @property
    def details(self) -> ProblemDetails:
        """What goes over the wire."""
        kind = self.kind
        return ProblemDetails(type=kind.urn, title=kind.title, status=kind.status, detail=self.detail)

    def response(self) -> web.Response:
        """Return a new answer."""
        body = msgspec.json.encode(self.details)
        return web.Response(body=body, status=self.kind.status, content_type=PROBLEM_TYPE, headers=self.headers)


def problem_of(error: Exception) -> Problem:
    """Return the problem that an error means for the caller; what nobody expected is logged and becomes a 500."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, NotHere):
        return Problem(NOT_OWNER, f"partition {error.partition} does not run on this worker now; try again")
    if isinstance(error, web.HTTPException):
        return _http_problem(error)
    _log.error("a request failed", exc_info=error)
    if isinstance(error, ModelError):
        return Problem(MODEL_FAILED, str(error))
    return Problem(INTERNAL, "an unexpected error was logged; the request may be sent again")


def _http_problem(error: web.HTTPException) -> Problem:
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return Problem(METHOD_NOT_ALLOWED, f"{error.method} is not allowed, only {allowed}", {"Allow": allowed})
    if isinstance(error, web.HTTPNotFound):
        return Problem(NOT_FOUND, "no such path; /openapi.json lists those that are")
    return Problem(ProblemKind(HTTP_ERROR.name, error.status, HTTP_ERROR.title), error.reason)
