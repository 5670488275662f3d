"""All that depends on aiohttp's internals: an answer of which head and body are written as one piece.

aiohttp makes a dictionary of headers for every answer and writes it out again; that is a fifth of what an answer from
the stored list may cost. It has no public way around this, so `WholeResponse` takes the place of `web.StreamResponse`
with these of its privates, all there in the versions that `pyproject.toml` admits:

- `_state`, `_status`, `_reason`, `_keep_alive`: what `StreamResponse.__init__` and `prepare` would have set; the
  server reads them by the properties `status`, `reason` and `keep_alive`, and `_state` holds what is put by key;
- `_payload_writer`, `_eof_sent`: from them `prepared` tells whether the answer was begun, or is over;
- `request.writer` and its `write_eof`: the bytes go out as they are, as no writer adds headers that were not given.

The server awaits `prepare` once, then `write_eof` once. A test holds the bytes against those of aiohttp's own response.
"""

from abc import ABC, abstractmethod

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter


class WholeResponse(web.StreamResponse, ABC):
    """A 200 that is written as one piece.

    No hook of the application sees it where the request is a plain one, of HTTP/1.1 on a connection that stays. Any
    other request gets one of aiohttp's own responses.
    """

    def __init__(self) -> None:
        # not the parent's: what that makes serves headers that change, of which this response has none
        self._status = 200
        self._reason = "OK"
        self._keep_alive = True
        self._state = {}
        self._general: web.Response | None = None

    @abstractmethod
    def whole(self) -> bytes:
        """Return the answer to a plain request, from its first line to its last byte."""

    @abstractmethod
    def general(self) -> web.Response:
        """Return the same answer as one of aiohttp's own."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Begin to answer; aiohttp calls it."""
        if request.version == HttpVersion11 and request.keep_alive:
            self._payload_writer = request.writer
            return self._payload_writer
        self._general = self.general()
        writer = await self._general.prepare(request)
        self._keep_alive = self._general.keep_alive
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Send everything; aiohttp calls it."""
        if self._general is not None:
            await self._general.write_eof()
        elif self._payload_writer is not None:
            await self._payload_writer.write_eof(self.whole())
        self._eof_sent = True
