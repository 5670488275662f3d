"""Is this worker alive, started, ready? Each answer is None for yes, or the reason why not.

Liveness is progress: a worker that has events to apply and applies none is not alive, whatever its process does.
"""

import time

import faust

from agents.chunk_agent import ChunkProcessor
from agents.model_updates import ModelsInUse
from agents.reader import Reader


class WorkerHealth:
    """Answers from the state of the reader, the processor and the models.

    Parameters
    ----------
    max_lag_records : a worker further behind is not ready.
    stuck_seconds : without progress for so long, with events waiting, it is not alive.
    """

    def __init__(
        self,
        app: faust.App,
        reader: Reader,
        processor: ChunkProcessor,
        models: ModelsInUse,
        max_lag_records: int,
        stuck_seconds: float = 60.0,
    ) -> None:
        self._app = app
        self._reader = reader
        self._processor = processor
        self._models = models
        self._max_lag_records = max_lag_records
        self._stuck_seconds = stuck_seconds
        self._started = False
        self._nothing_to_do = time.monotonic()

    def live(self) -> str | None:
        """Return why the worker should be restarted."""
        now = time.monotonic()
        lag = self._reader.lag() if self._reader.running else 0
        if not lag:
            self._nothing_to_do = now
        idle = now - max(self._processor.last_progress, self._nothing_to_do)
        if lag and idle > self._stuck_seconds:
            return f"{lag} events wait, and none was applied for {idle:.0f} s"
        return None

    def startup(self) -> str | None:
        """Return what the first start still waits for."""
        self._started = self._started or self._reader.running
        return None if self._started else "the first partitions are not taken over yet"

    def ready(self) -> str | None:
        """Return why no traffic should come here now."""
        if self._app.should_stop:
            return "the worker is stopping"
        if not self._reader.running:
            return "tables are recovering or partitions are being assigned"
        if not any(region.active for region in self._models.status()):
            return "no model is active yet"
        lag = self._reader.lag() or 0
        return f"{lag} events behind, more than {self._max_lag_records}" if lag > self._max_lag_records else None
