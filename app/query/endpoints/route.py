"""One endpoint: what it is called, who may call it, what goes in and what comes out."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

import msgspec
from aiohttp import web

from app.query.endpoints.running_view import RunningView
from app.query.http.access import Scope


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint.

    Parameters
    ----------
    method, path : as OpenAPI writes them, `{name}` for a part of the path.
    handler : answers.
    summary : a few words.
    answer : type of the answer, or the media type of one that is not JSON of ours.
    scope : who may call.
    query, body : types of the query string and of the body.
    accepts : whether it may be a 202, which says where to ask for the answer.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    handler: Callable[[RunningView, web.Request], Awaitable[web.StreamResponse]]
    summary: str
    answer: type[msgspec.Struct] | str
    scope: Scope = "read"
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    accepts: bool = False

    @property
    def pattern(self) -> str:
        """The path as aiohttp's router takes it; an id may hold every character but a slash, which is escaped."""
        return self.path.replace("}", ":[^/]+}")
