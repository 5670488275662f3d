"""When the parts of a worker start and stop, between Faust's own: what runs beside the agents, and in which order."""

from contextlib import AsyncExitStack

from agents.changelog.changelog_lookup import ChangelogLookup
from agents.changelog.claiming import renew_regularly
from agents.changelog.mender import Mender, mend_regularly
from agents.changelog.table_flusher import flush_regularly
from agents.kafka.broadcast import BroadcastReader
from agents.liveness.background import Background
from agents.popularity.popularity_publisher import publish_popularity
from agents.users.own_partitions import OwnPartitions
from app.worker.broadcast_state import BroadcastState
from app.worker.event_path import EventPath
from app.worker.faust_seam import StreamApp
from app.worker.garbage_collection import spare_what_stays
from app.worker.guards import Guards
from app.worker.membership import watch_membership
from app.worker.shared_parts import Shared


class WorkerLifecycle:
    """Starts and stops what a worker does beside Faust; `StreamApp.begins_and_ends` calls it.

    Parameters
    ----------
    app, shared : whose they are, and what all parts are made with.
    own, state, path, guards : the parts.
    """

    def __init__(
        self,
        app: StreamApp,
        shared: Shared,
        *,
        own: OwnPartitions,
        state: BroadcastState,
        path: EventPath,
        guards: Guards,
    ) -> None:
        self._app = app
        self._shared = shared
        self._own = own
        self._state = state
        self._path = path
        self._guards = guards
        self._background = Background(shared.supervisor)
        connection, names = shared.connection, shared.names
        self._models = BroadcastReader(connection, names.models, state.updates.apply)
        self._rejected = BroadcastReader(connection, names.models_rejected, state.updates.apply_rejection)
        self._catalogue = BroadcastReader(connection, names.catalogue, state.catalogue.apply)
        self._popularity = BroadcastReader(connection, names.popularity, state.take_counts)
        self._changelog = ChangelogLookup(connection, names.users_changelog)
        self._mender = Mender(own, self._changelog.read)

    async def start(self) -> None:
        """Start everything; Faust's services start after this."""
        start, shared, guards = self._background.start, self._shared, self._guards
        start("process guard", shared.process_guard.run())
        start("lease", shared.lease.run(shared.process_guard.check))
        start("broker probe", guards.probe.run())
        start("watchdog", guards.watchdog.run())
        membership = watch_membership(self._app, self._path.reader, guards.probe, shared.settings, shared.supervisor)
        start("membership", membership)
        start("assignment", guards.reassignment.run())
        start("connection of the reader", self._path.reader.connect())
        await shared.producer.start()
        start("preparation of claims", shared.claims.prepare())
        self._follow_topics()
        self._look_after_rows()
        spare_what_stays()

    async def stop(self) -> None:
        """Stop everything; the tables are still open, and nothing is written after this."""
        async with AsyncExitStack() as stopping:  # the last one first, and each whatever the others raise
            stopping.callback(self._path.processor.close)
            stopping.push_async_callback(self._shared.producer.stop)
            stopping.push_async_callback(self._background.stop)
            stopping.push_async_callback(self._path.reader.stop)

    async def assigned(self) -> None:
        """Begin with the partitions that Faust assigned; their databases are open."""
        await self._path.reader.assigned()

    async def revoked(self) -> None:
        """End with the partitions: nothing of them is written after this."""
        self._shared.metrics.events.rebalances.inc()
        await self._path.reader.revoked()

    def _follow_topics(self) -> None:
        """models, models-rejected, catalogue, popularity ─▶ the state that every worker holds as a whole."""
        start = self._background.start
        start("models", self._models.run())
        start("rejected models", self._rejected.run())
        start("model updates", self._state.updates.run(self._topics_are_read))
        start("catalogue", self._catalogue.run())
        start("popularity", self._popularity.run())

    async def _topics_are_read(self) -> None:
        """Wait for what no list is made without: which models there are, which videos may be shown, what is popular."""
        for topic in (self._rejected, self._models, self._catalogue, self._popularity):
            await topic.caught_up.wait()

    def _look_after_rows(self) -> None:
        """Re-solve after swaps, publish counts, flush the table, mend the changelog, renew the claims on it."""
        start, shared, own, path = self._background.start, self._shared, self._own, self._path
        start("re-solving", path.rescoring.run(lambda: path.reader.served))
        every = shared.settings.popularity.publish_seconds
        publishing = publish_popularity(path.popularity, own.ownership, shared.producer, shared.names.popularity, every)
        start("popularity publisher", publishing)
        start("renewal of claims", renew_regularly(path.claiming))
        start("watch of misplaced users", path.misplaced.run(self._popularity.caught_up))
        start("table flusher", flush_regularly(own.table))
        start("mender of the changelog", mend_regularly(self._mender, self._changelog, own))
