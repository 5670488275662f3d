"""The page at `/ui/`: three files of `app/ui`, read once, served under a strict content security policy."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from aiohttp import web

from app.query.endpoints.running_view import RunningView

FILES = {
    "/ui/": ("index.html", "text/html"),
    "/ui/page.js": ("page.js", "text/javascript"),
    "/ui/page.css": ("page.css", "text/css"),
}
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FOLDER = Path(__file__).resolve().parents[2] / "ui"


def make_file_call(path: str) -> Callable[[RunningView, web.Request], Awaitable[web.Response]]:
    """Return the handler of one of `FILES`."""
    name, content_type = FILES[path]
    content = (_FOLDER / name).read_bytes()
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Cache-Control": "no-cache"}

    async def answer(_running: RunningView, _: web.Request) -> web.Response:
        return web.Response(body=content, content_type=content_type, charset="utf-8", headers=headers)

    return answer
