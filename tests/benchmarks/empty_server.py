"""An aiohttp handler that does nothing: what any answer over HTTP costs.

``python -m tests.benchmarks.empty_server PORT`` runs it until SIGTERM.
"""

import sys

from aiohttp import web


async def nothing(request: web.Request) -> web.Response:
    """Answer at once."""
    return web.Response(text="{}", content_type="application/json")


if __name__ == "__main__":
    application = web.Application()
    application.router.add_get("/", nothing)
    web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
