"""One run of a periodic job: train, measure on the holdout, pass the gate, publish."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from app.offline.data.events_file import Tally, decode_lines, read_files
from app.offline.schedule.gate import Standard, judge
from app.offline.schedule.jobs_file import Job
from app.offline.training.code_version import code_version
from app.offline.training.train import train
from app.publishing.announcements import read_announcements
from app.publishing.publish import Publisher
from models.artifacts.artifact import read_manifest, read_metrics
from models.errors import ArtifactInvalid
from models.feedback.events import Event


@dataclass(slots=True)
class TrainingRun:
    """What came of one run; fields in the order in which they are shown.

    Parameters
    ----------
    region : whose job it was.
    version : what was stored; None if nothing was.
    metrics : of the holdout; empty if it came not that far.
    verdict : what became of it. What the gate holds back is not stored.
    reason : why, in a sentence.
    seconds : how long it took.
    """

    region: str
    version: str | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    verdict: Literal["published", "held_back", "failed", "abandoned"] = "failed"
    reason: str = ""
    seconds: float = 0.0


class _HeldBack(Exception):
    """The gate's reason."""


class _Abandoned(Exception):
    """Somebody wants this process to end."""


@dataclass(frozen=True, slots=True)
class Trainer:
    """Runs jobs, each in the calling thread.

    Parameters
    ----------
    publisher : where versions go; its key signs them, too.
    history_limit : facts of a user that count.
    describe : makes a sentence of any failure.
    """

    publisher: Publisher
    history_limit: int
    describe: Callable[[Exception], str]

    def run(self, job: Job, stopping: Callable[[], bool] = lambda: False) -> TrainingRun:
        """Run a job, and return whatever came of it; raises nothing that a job may meet.

        Parameters
        ----------
        job
            Which.
        stopping
            Asked now and then while a model is learned; once it says yes, the run is abandoned and leaves nothing.
        """
        found, started = TrainingRun(job.region), time.monotonic()
        try:
            self._train(job, found, stopping)
            found.verdict = "published"
        except _HeldBack as held:
            found.verdict, found.reason = "held_back", str(held)
        except _Abandoned:
            found.verdict, found.reason = "abandoned", "the process was told to end"
        except Exception as error:  # noqa: BLE001 - no job may end the scheduler, whatever it meets
            found.verdict, found.reason = "failed", self.describe(error)
        found.seconds = time.monotonic() - started
        return found

    def _train(self, job: Job, found: TrainingRun, stopping: Callable[[], bool]) -> None:
        def go_on(*_: object) -> None:
            if stopping():
                raise _Abandoned

        def pass_gate(metrics: Mapping[str, Any]) -> None:
            go_on()
            verdict = judge(job.limits, metrics, standard)
            found.metrics, found.reason = metrics, verdict.reason
            if not verdict.passed:
                raise _HeldBack(verdict.reason)

        standard = self._standard(job.region)  # first of all, so that a broker that is away costs no training
        manifest, _ = train(
            _events(job, go_on),
            job.configuration(self.history_limit),
            self.publisher.store,
            datetime.now(UTC),
            code_version=code_version(),
            holdout=job.holdout,
            accept=pass_gate,
            previous_version=standard.version,
            signing_key=self.publisher.verify_key,
            listeners=[go_on],
        )
        found.version = manifest.version
        asyncio.run(self.publisher.publish(job.region, manifest.version))

    def _standard(self, region: str) -> Standard:
        publisher = self.publisher
        announced = asyncio.run(read_announcements(publisher.connection, publisher.topic)).get(region)
        active = announced.active if announced is not None else None
        if active is None:
            return Standard()
        try:
            manifest = read_manifest(publisher.store, region, active.version, digest=active.digest)
            return Standard(active.version, read_metrics(publisher.store, manifest))
        except ArtifactInvalid:
            return Standard(active.version)


def _events(job: Job, go_on: Callable[[], None]) -> Iterator[Event]:
    for event in decode_lines(read_files(job.events), time.time(), Tally()):
        go_on()
        yield event
