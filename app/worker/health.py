"""Is this worker alive, started, ready? Each answer is None for yes, or the reason why not.

Liveness is progress: a worker that has events to apply and applies none is not alive, whatever its process does.
"""

import faust

from agents.events.reader import Reader
from agents.kafka.broker_probe import BrokerProbe
from agents.kafka.partitions import named
from agents.liveness.lease import Lease
from agents.liveness.watchdog import AWAY_SECONDS, Watchdog
from agents.rollout.models_in_use import ModelsInUse
from agents.users.misplaced_watch import MisplacedWatch
from app.worker.reassignment import Reassignment


class WorkerHealth:
    """Answers from the state of the reader, the models, the watchdog and the lease.

    Parameters
    ----------
    app, reader, models, watchdog, probe, lease, reassignment, misplaced : what is asked.
    max_lag_records : a worker further behind is not ready.
    max_open_transaction_seconds : nor is one that a producer's transaction has held up for longer.
    """

    def __init__(
        self,
        *,
        app: faust.App,
        reader: Reader,
        models: ModelsInUse,
        watchdog: Watchdog,
        probe: BrokerProbe,
        lease: Lease,
        reassignment: Reassignment,
        misplaced: MisplacedWatch,
        max_lag_records: int,
        max_open_transaction_seconds: float,
    ) -> None:
        self._app = app
        self._reader = reader
        self._models = models
        self._watchdog = watchdog
        self._probe = probe
        self._lease = lease
        self._reassignment = reassignment
        self._misplaced = misplaced
        self._max_lag_records = max_lag_records
        self._max_open_transaction_seconds = max_open_transaction_seconds
        self._started = False

    def live(self) -> str | None:
        """Return why the worker should be restarted; if nobody does, the watchdog ends it soon."""
        doubtful = self._watchdog.doubtful
        return None if doubtful is None else doubtful.reason

    def startup(self) -> str | None:
        """Return what the first start still waits for; partitions that nobody leads are not waited for."""
        self._started = self._started or self._reader.served
        return None if self._started else "the first partitions are not taken over yet"

    def ready(self) -> str | None:
        """Return why no traffic should come here now."""
        if self._app.should_stop:
            return "the worker is stopping"
        if self._reader.served and self._lease.lapsed:
            return f"{self._lease.reason}: nothing is written, and no answer is fresh"
        if self._probe.silent_seconds > AWAY_SECONDS:
            return f"the broker has not answered for {self._probe.silent_seconds:.0f} s"
        if leaderless := self._probe.leaderless:
            said = (f"{topic}: {named(partitions)}" for topic, partitions in leaderless.items())
            return f"nobody leads, or answers for, these own partitions: {'; '.join(said)}"
        if not self._reader.running:
            return "tables are recovering or partitions are being assigned"
        if (unserved := self._reassignment.unserved) is not None:
            return unserved
        if not any(region.active for region in self._models.status()):
            return "no model is active yet"
        if (doubtful := self._watchdog.doubtful) is not None:
            return doubtful.reason
        return self._behind()

    def warnings(self) -> list[str]:
        """Return what is wrong although traffic may come, a sentence each."""
        return [warning for warning in [self._misplaced.warning()] if warning is not None]

    def _behind(self) -> str | None:
        """Return how far behind it is, and what holds it up, when that is too far."""
        lag, held_up = self._reader.lag() or 0, self._reader.open_transaction
        if held_up is not None and held_up.seconds > self._max_open_transaction_seconds:
            return str(held_up)
        if lag <= self._max_lag_records:
            return None
        behind = f"{lag} events behind, more than {self._max_lag_records}"
        return behind if held_up is None else f"{behind}; {held_up}"
