"""One exchange with another worker: what of a request is passed on, within which deadline, what is taken back.

What is passed on is the path, the query, the body and the few headers of a list, with the mark that it was. What comes
back is taken only from what answers like a query view, up to a size.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from yarl import URL

from app.query.http.headers import ELSEWHERE_HEADER, HOP_HEADER
from app.query.http.problems import OWNER_TIMEOUT, OWNER_UNREACHABLE, PROBLEM_TYPE, Problem

MAX_CONNECTIONS = 64
MAX_REPLY_BYTES = 8 << 20
_PASSED_ON = ("Accept", "Authorization")
_PASSED_BACK = ("Content-Type", "Retry-After", "WWW-Authenticate")
_REPLY_TYPES = {"application/json", PROBLEM_TYPE}


@dataclass(frozen=True, slots=True)
class Reply:
    """What another worker answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def response(self) -> web.Response:
        """Return it as this worker's answer."""
        return web.Response(body=self.body, status=self.status, headers=self.headers)


class PeerClient:
    """Asks other workers; at most `MAX_CONNECTIONS` at one time, each within `timeout_ms`.

    Parameters
    ----------
    timeout_ms : from the first byte sent, or the wait for a connection, to the last byte received.
    """

    def __init__(self, timeout_ms: int) -> None:
        self._timeout_ms = timeout_ms
        self._session: ClientSession | None = None

    async def ask(
        self,
        worker: str,
        request: web.Request,
        body: bytes | None = None,
        timeout_ms: int | None = None,
        *,
        to: tuple[str, str] | None = None,
        elsewhere: bool = False,
    ) -> Reply:
        """Put a request to a worker, with its method, path and query, and with `body` in place of its own.

        Parameters
        ----------
        worker : its base URL.
        request : what was asked of this worker.
        body : JSON, None for none.
        timeout_ms : in place of the client's own, for what takes longer than an answer may.
        to : method and path in place of those of the request, for another question on its behalf.
        elsewhere : the user is not where murmur2 says; the worker shall look into its own partitions.

        Raises
        ------
        Problem
            503: no answer, none in time, or not one of a query view.
        """
        method, path = to or (request.method, request.rel_url.raw_path_qs)
        url = URL(worker + path, encoded=True)
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        headers[HOP_HEADER] = "1"
        if elsewhere:
            headers[ELSEWHERE_HEADER] = "1"
        if body is not None:
            headers["Content-Type"] = "application/json"
        allowed_ms = timeout_ms or self._timeout_ms
        try:
            async with self._open().request(
                method,
                url,
                headers=headers,
                data=body,
                allow_redirects=False,
                timeout=ClientTimeout(total=allowed_ms / 1000),
            ) as response:
                return await _read(response, worker)
        except TimeoutError:
            raise Problem(OWNER_TIMEOUT, f"{worker} did not answer within {allowed_ms} ms; try again") from None
        except (ClientError, OSError) as error:
            raise Problem(OWNER_UNREACHABLE, f"{worker}: {type(error).__name__}; try again") from None

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


async def _read(response: ClientResponse, worker: str) -> Reply:
    if response.status in range(300, 400) or response.content_type not in _REPLY_TYPES:
        raise Problem(OWNER_UNREACHABLE, f"{worker} is no query view: {response.status}, {response.content_type}")
    body = bytearray()
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > MAX_REPLY_BYTES:
            raise Problem(OWNER_UNREACHABLE, f"{worker} answered with more than {MAX_REPLY_BYTES} bytes")
    headers = {name: response.headers[name] for name in _PASSED_BACK if name in response.headers}
    return Reply(response.status, headers, bytes(body))
