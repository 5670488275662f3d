"""The query view: HTTP and JSON on plain aiohttp, any worker answers any user.

`routes` is the table of every endpoint and `attach` adds them to a web application; `view` names the collaborators.
A request runs through its `guard` (keys, metrics, problem+json), is parsed by `requests`, answered here or by the
partition's owner (`router`), and leaves as one of `answers`. `recommendations` and `popular` choose the videos and
know nothing of HTTP; `item_cache` remembers what the catalogue says of the videos; `recommender` decides what is read,
what is solved on the spot, and what falls back.

May import `agents`, `models`, aiohttp, msgspec and prometheus-client; the rest of `app` imports it, not the reverse.
"""

from app.query.endpoints.routes import attach
from app.query.view import Health, QueryView, Routing

__all__ = ["Health", "QueryView", "Routing", "attach"]
