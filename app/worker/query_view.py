"""The query view of one worker: HTTP ─▶ owner of the user ─▶ row, model, catalogue ─▶ filter ─▶ answer."""

from agents.changelog.checkpointing import Checkpointing
from agents.users.erasure import Erasure
from agents.users.own_partitions import OwnPartitions
from agents.users.users import Users
from app.publishing.activation import Activation, publisher_of
from app.query import QuerySettings, QueryView
from app.settings.settings import Settings
from app.worker.broadcast_state import BroadcastState
from app.worker.event_path import EventPath
from app.worker.faust_seam import StreamApp
from app.worker.guards import Guards
from app.worker.health import WorkerHealth
from app.worker.routing import AssignmentRouting
from app.worker.shared_parts import Shared
from tables.data_folder import Mark


def make_query_view(
    app: StreamApp,
    shared: Shared,
    *,
    own: OwnPartitions,
    state: BroadcastState,
    path: EventPath,
    guards: Guards,
    routing: AssignmentRouting,
) -> QueryView:
    """Give the query view what it asks: users, models, catalogue, popularity, and what an admin may do."""
    settings = shared.settings
    users = Users(own.table, settings.topics.partitions)
    health = WorkerHealth(
        app=app,
        reader=path.reader,
        models=state.models,
        watchdog=guards.watchdog,
        probe=guards.probe,
        lease=shared.lease,
        reassignment=guards.reassignment,
        misplaced=path.misplaced,
        max_lag_records=settings.http.max_lag_records,
        max_open_transaction_seconds=settings.http.max_open_transaction_seconds,
    )
    return QueryView(
        users=users,
        models=state.models,
        catalogue=state.catalogue,
        popularity=state.popularity,
        routing=routing,
        health=health,
        lease=shared.lease,
        misplaced=state.misplaced,
        erasure=Erasure(shared.producer, shared.names.member_events, users.partitions, path.erasures),
        checkpointing=Checkpointing(own, settings.data_dir, Mark(settings.app_id, users.partitions)),
        activation=Activation(publisher_of(settings)),
        settled=state.updates.is_settled,
        on_request=shared.activity.note,
        registry=shared.registry,
        settings=_query_settings(settings),
    )


def _query_settings(settings: Settings) -> QuerySettings:
    """Return what the query view is told."""
    http = settings.http
    return QuerySettings(
        fallback_days=settings.popularity.fallback_days,
        history_limit=settings.users.history_limit,
        forward_timeout_ms=http.forward_timeout_ms,
        max_body_bytes=http.max_body_bytes,
        read_keys=tuple(key.get_secret_value() for key in http.read_keys),
        admin_keys=tuple(key.get_secret_value() for key in http.admin_keys),
    )
