"""The answer that is given most: a 200 with JSON, its unchanging headers written down once.

aiohttp makes a dictionary of headers for every answer and writes it out again; that is a fifth of what an answer from
the stored list may cost.
"""

import time
from email.utils import formatdate
from functools import lru_cache
from typing import Final

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter

from app.query.http.headers import JSON_HEADERS

_FIXED: Final = "".join(f"{name}: {value}\r\n" for name, value in JSON_HEADERS.items())
_WHOLE: Final = f"HTTP/1.1 200 OK\r\n{_FIXED}Content-Length: %d\r\nDate: %b\r\n\r\n%b".encode()


class JsonResponse(web.StreamResponse):
    """A 200 with JSON.

    To a plain request, of HTTP/1.1 on a connection that stays, head and body are one piece, and no hook of the
    application sees it. To any other request it is one of aiohttp's own responses.

    Parameters
    ----------
    body : the JSON.
    """

    def __init__(self, body: bytes) -> None:
        # not the parent's: what that makes serves headers that change, of which this response has none
        self._json = body
        self._status = 200
        self._reason = "OK"
        self._keep_alive = True
        self._state = {}
        self._general: web.Response | None = None

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Begin to answer; aiohttp calls it."""
        if request.version == HttpVersion11 and request.keep_alive:
            self._payload_writer = request.writer
            return self._payload_writer
        self._general = web.Response(body=self._json, headers=JSON_HEADERS)
        writer = await self._general.prepare(request)
        self._keep_alive = self._general.keep_alive
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Send everything; aiohttp calls it."""
        if self._general is not None:
            await self._general.write_eof()
        elif self._payload_writer is not None:
            whole = _WHOLE % (len(self._json), _date(int(time.time())), self._json)
            await self._payload_writer.write_eof(whole)
        self._eof_sent = True


@lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()
