"""When the parts of a worker start and stop, between Faust's own: what runs beside the agents, and in which order."""

from agents.changelog.changelog_lookup import ChangelogLookup
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


class WorkerLife:
    """Starts and stops what a worker does beside Faust; `StreamApp.carry` calls it.

    Parameters
    ----------
    app, shared : whose life it is, and what all parts are made with.
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

    async def start(self) -> None:
        """Start everything; Faust's services start after this."""
        start, shared, guards = self._background.start, self._shared, self._guards
        start("process guard", shared.process_guard.run())
        start("broker probe", guards.probe.run())
        start("watchdog", guards.watchdog.run())
        membership = watch_membership(
            self._app, self._path.reader, guards.probe, shared.settings.worker, shared.supervisor
        )
        start("membership", membership)
        start("connection of the reader", self._path.reader.connect())
        await shared.producer.start()
        self._follow_topics()
        self._look_after_rows()
        spare_what_stays()

    async def stop(self) -> None:
        """Stop everything; the tables are still open, and nothing is written after this."""
        await self._path.reader.stop()
        await self._background.stop()
        await self._shared.producer.stop()

    async def assigned(self) -> None:
        """Begin with the partitions that Faust assigned; their databases are open."""
        await self._path.reader.assigned()

    async def revoked(self) -> None:
        """End with the partitions: nothing of them is written after this."""
        self._shared.metrics.events.rebalances.inc()
        await self._path.reader.revoked()

    def _follow_topics(self) -> None:
        """models, models-rejected, catalogue, popularity ─▶ the state that every worker holds as a whole."""
        start, connection, names, state = (
            self._background.start,
            self._shared.connection,
            self._shared.names,
            self._state,
        )
        models = BroadcastReader(connection, names.models, state.updates.apply)
        rejected = BroadcastReader(connection, names.models_rejected, state.updates.apply_rejection)
        start("models", models.run())
        start("rejected models", rejected.run())

        async def models_are_read() -> None:
            await rejected.caught_up.wait()
            await models.caught_up.wait()

        start("model updates", state.updates.run(models_are_read))
        start("catalogue", BroadcastReader(connection, names.catalogue, state.catalogue.apply).run())
        start("popularity", BroadcastReader(connection, names.popularity, state.popularity.apply).run())

    def _look_after_rows(self) -> None:
        """Re-solve after swaps, publish counts, flush the table, mend the changelog."""
        start, shared, own, path = self._background.start, self._shared, self._own, self._path
        start("re-solving", path.rescoring.run(lambda: path.reader.running))
        every = shared.settings.popularity.publish_seconds
        publishing = publish_popularity(path.popularity, own.ownership, shared.producer, shared.names.popularity, every)
        start("popularity publisher", publishing)
        start("table flusher", flush_regularly(own.table))
        places = ChangelogLookup(shared.connection, shared.names.users_changelog)
        start("mender of the changelog", mend_regularly(Mender(own, places.read), places, own.ownership))
