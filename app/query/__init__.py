"""The query view: HTTP and JSON on plain aiohttp, any worker answers any user.

`view` names the collaborators that it is given. Its rooms, each of which imports only from those after it:

- `endpoints`: one handler a call, the table of all routes, what goes into a web application (`attach`).
- `lists`, which videos a user is shown, and `peers`, which other worker is asked: neither knows the other.
- `schema`: requests and answers as types.
- `http`: keys, headers, problems, JSON answers, metrics, the guard that every request passes.

A request passes its guard, is parsed by `schema.requests`, is answered from `lists` or passed on by `peers`, and leaves
as one of `schema.answers`.

May import `agents`, `models`, `tables.errors`, `app.errors`, aiohttp and what it stands on (yarl, multidict), msgspec,
numpy and prometheus-client, and reads the files of `app/ui`. Only `app.worker` imports it, of `app`.
"""

from app.query.endpoints.routes import attach
from app.query.view import QuerySettings, QueryView

__all__ = ["QuerySettings", "QueryView", "attach"]
