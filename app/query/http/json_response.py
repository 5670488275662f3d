"""The answer that is given most: a 200 with JSON, its unchanging headers written down once."""

import time
from email.utils import formatdate
from functools import lru_cache
from typing import Final

from aiohttp import web

from app.query.http.aiohttp_seam import WholeResponse
from app.query.http.headers import JSON_HEADERS

_FIXED: Final = "".join(f"{name}: {value}\r\n" for name, value in JSON_HEADERS.items())
_WHOLE: Final = f"HTTP/1.1 200 OK\r\n{_FIXED}Content-Length: %d\r\nDate: %b\r\n\r\n%b".encode()


class JsonResponse(WholeResponse):
    """A 200 with JSON, which carries the security headers already.

    Parameters
    ----------
    body : the JSON.
    """

    def __init__(self, body: bytes) -> None:
        super().__init__()
        self._json = body

    def whole(self) -> bytes:
        """Return head and body."""
        return _WHOLE % (len(self._json), _date(int(time.time())), self._json)

    def general(self) -> web.Response:
        """Return aiohttp's own response."""
        return web.Response(body=self._json, headers=JSON_HEADERS)


@lru_cache(maxsize=1)
def _date(second: int) -> bytes:
    return formatdate(second, usegmt=True).encode()
