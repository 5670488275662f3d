"""Any worker answers any user: a request for a user who is elsewhere is asked of the owner, once.

Only addresses of the assignment are ever asked. What is passed on is the path, the query, the body and the few
headers of a list; a request that was passed on already is never passed on again, so no loop can arise. The whole
exchange has one deadline.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, hdrs, web
from yarl import URL

from app.query.http.problems import (
    NOT_OWNER,
    OWNER_TIMEOUT,
    OWNER_UNKNOWN,
    OWNER_UNREACHABLE,
    PROBLEM_TYPE,
    Problem,
)
from app.query.view import Routing

HOP_HEADER = "X-Nearline-Hop"
MAX_CONNECTIONS = 64
MAX_REPLY_BYTES = 8 << 20
_PASSED_ON = ("Accept", "Authorization")
_PASSED_BACK = ("Content-Type", "Retry-After", "WWW-Authenticate")
_DONE = 204
_REPLY_TYPES = {"application/json", PROBLEM_TYPE}


@dataclass(frozen=True, slots=True)
class Reply:
    """What an owner answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def response(self) -> web.Response:
        """Return it as this worker's answer."""
        return web.Response(body=self.body, status=self.status, headers=self.headers)


class Router:
    """Asks owners; at most `MAX_CONNECTIONS` at one time, each within `timeout_ms`.

    Parameters
    ----------
    routing : who holds what.
    timeout_ms : from the first byte sent, or the wait for a connection, to the last byte received.
    """

    def __init__(self, routing: Routing, timeout_ms: int) -> None:
        self._routing = routing
        self._timeout_ms = timeout_ms
        self._session: ClientSession | None = None

    def owner_of(self, partition: int, request: web.Request) -> str:
        """Return the base URL to ask about a partition that is not here.

        Raises
        ------
        Problem
            503: the request was passed on already, or nobody else owns the partition now.
        """
        if HOP_HEADER in request.headers:
            raise Problem(NOT_OWNER, f"partition {partition} does not run on this worker, which was asked as its owner")
        owner = self._routing.owner(partition)
        if owner is None or owner == self._routing.own_url:
            state = "has no owner" if owner is None else "is being taken over by this worker"
            raise Problem(OWNER_UNKNOWN, f"partition {partition} {state}; try again")
        return owner

    def standby_of(self, partition: int, request: web.Request) -> str | None:
        """Return the base URL to ask for a copy, None without one elsewhere or if the request was passed on already."""
        standby = self._routing.standby(partition)
        return None if standby == self._routing.own_url or HOP_HEADER in request.headers else standby

    async def forward(self, request: web.Request, partition: int, timeout_ms: int | None = None) -> web.Response:
        """Return the owner's answer to a request; `timeout_ms` may replace the deadline."""
        owner = self.owner_of(partition, request)
        return (await self.ask(owner, request, timeout_ms=timeout_ms)).response()

    async def ask(
        self, owner: str, request: web.Request, body: bytes | None = None, timeout_ms: int | None = None
    ) -> Reply:
        """Put a request to an owner, with its method, path and query, and with `body` in place of its own.

        Raises
        ------
        Problem
            503: no answer, none in time, or not one of a query view.
        """
        url = URL(owner + request.rel_url.raw_path_qs, encoded=True)
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        headers[HOP_HEADER] = "1"
        if body is not None:
            headers["Content-Type"] = "application/json"
        allowed_ms = timeout_ms or self._timeout_ms
        try:
            async with self._open().request(
                request.method,
                url,
                headers=headers,
                data=body,
                allow_redirects=False,
                timeout=ClientTimeout(total=allowed_ms / 1000),
            ) as response:
                return await _read(response, owner)
        except TimeoutError:
            raise Problem(OWNER_TIMEOUT, f"{owner} did not answer within {allowed_ms} ms; try again") from None
        except (ClientError, OSError) as error:
            raise Problem(OWNER_UNREACHABLE, f"{owner}: {type(error).__name__}; try again") from None

    async def close(self, _: object = None) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(
                connector=TCPConnector(limit=MAX_CONNECTIONS, force_close=False),
                cookie_jar=DummyCookieJar(),
                trust_env=False,
            )
        return self._session


async def _read(response: ClientResponse, owner: str) -> Reply:
    if response.status == _DONE and response.method == hdrs.METH_DELETE:
        return Reply(response.status, {}, b"")
    if response.status in range(300, 400) or response.content_type not in _REPLY_TYPES:
        raise Problem(OWNER_UNREACHABLE, f"{owner} is no query view: {response.status}, {response.content_type}")
    body = bytearray()
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > MAX_REPLY_BYTES:
            raise Problem(OWNER_UNREACHABLE, f"{owner} answered with more than {MAX_REPLY_BYTES} bytes")
    headers = {name: response.headers[name] for name in _PASSED_BACK if name in response.headers}
    return Reply(response.status, headers, bytes(body))
