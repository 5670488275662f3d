"""The whole system on one screen: every group of a worker's parts is made here, by a function named after it.

There is no global app. `create_worker` makes a worker's parts from settings and joins them; nothing runs, and no
connection is opened, before Faust starts it.

::

    settings ─▶ shared ─▶ users table ─▶ own partitions ─▶ event path ─▶ guards ◀── routing
                │ lease         └──▶ broadcast state ──▲          │         │
                │   ▲                                             ├─────────┤
                │   └── coordinator requests ◀─┐                  ▼         ▼
                └──────────────────────▶ Faust's app ◀────── lifecycle   query view ◀── HTTP
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from agents.changelog.leave_when_broken import LeaveWhenBroken
from app.query import attach
from app.settings.settings import Settings
from app.worker.broadcast_state import make_broadcast_state
from app.worker.event_path import make_event_path, make_own_partitions
from app.worker.faust_app import make_faust_app, make_users_table
from app.worker.faust_seam import StreamApp
from app.worker.guards import make_coordinator_requests, make_guards
from app.worker.lifecycle import WorkerLifecycle
from app.worker.query_view import make_query_view
from app.worker.routing import make_routing
from app.worker.shared_parts import make_shared


def create_worker(settings: Settings, at_disk: Callable[[], AbstractContextManager[None]] = nullcontext) -> StreamApp:
    """Make a worker from its settings; it writes its tables within `at_disk`."""
    shared = make_shared(settings)
    app = make_faust_app(settings)
    app.go_between = make_coordinator_requests(shared).go_between
    users_table = make_users_table(app, settings, LeaveWhenBroken(shared.supervisor, shared.metrics.changelog), at_disk)
    state = make_broadcast_state(shared, users_table)
    own = make_own_partitions(shared, users_table)
    path = make_event_path(app, shared, own, state)
    routing = make_routing(app, shared, own)
    guards = make_guards(app, shared, path, own, routing)
    app.begins_and_ends(WorkerLifecycle(app, shared, own=own, state=state, path=path, guards=guards))
    view = make_query_view(app, shared, own=own, state=state, path=path, guards=guards, routing=routing)
    attach(app.http, view)
    return app
