"""Is this worker alive, started, ready? Each answer is None for yes, or the reason why not.

Liveness is progress: a worker that has events to apply and applies none is not alive, whatever its process does.
"""

import faust

from agents.events.reader import Reader
from agents.kafka.broker_probe import BrokerProbe
from agents.liveness.watchdog import AWAY_SECONDS, Watchdog
from agents.rollout.models_in_use import ModelsInUse
from agents.users.misplaced_watch import MisplacedWatch


class WorkerHealth:
    """Answers from the state of the reader, the models and the watchdog.

    Parameters
    ----------
    app, reader, models, watchdog, probe, misplaced : what is asked.
    max_lag_records : a worker further behind is not ready.
    """

    def __init__(
        self,
        *,
        app: faust.App,
        reader: Reader,
        models: ModelsInUse,
        watchdog: Watchdog,
        probe: BrokerProbe,
        misplaced: MisplacedWatch,
        max_lag_records: int,
    ) -> None:
        self._app = app
        self._reader = reader
        self._models = models
        self._watchdog = watchdog
        self._probe = probe
        self._misplaced = misplaced
        self._max_lag_records = max_lag_records
        self._started = False

    def live(self) -> str | None:
        """Return why the worker should be restarted; if nobody does, the watchdog ends it soon."""
        doubtful = self._watchdog.doubtful
        return None if doubtful is None else doubtful.reason

    def startup(self) -> str | None:
        """Return what the first start still waits for."""
        self._started = self._started or self._reader.running
        return None if self._started else "the first partitions are not taken over yet"

    def ready(self) -> str | None:
        """Return why no traffic should come here now."""
        if self._app.should_stop:
            return "the worker is stopping"
        if self._probe.silent_seconds > AWAY_SECONDS:
            return f"the broker has not answered for {self._probe.silent_seconds:.0f} s"
        if not self._reader.running:
            return "tables are recovering or partitions are being assigned"
        if not any(region.active for region in self._models.status()):
            return "no model is active yet"
        if (doubtful := self._watchdog.doubtful) is not None:
            return doubtful.reason
        lag = self._reader.lag() or 0
        return f"{lag} events behind, more than {self._max_lag_records}" if lag > self._max_lag_records else None

    def warnings(self) -> list[str]:
        """Return what is wrong although traffic may come, a sentence each."""
        return [warning for warning in [self._misplaced.warning()] if warning is not None]
