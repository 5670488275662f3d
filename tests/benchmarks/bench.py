"""One run of the benchmarks: its broker, folder and sizes, and what measurements leave for each other."""

import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from models.factorization.factor_model import FactorModel
from tests.benchmarks.deployment import Deployment
from tests.benchmarks.figures import Figures
from tests.benchmarks.sizes import Sizes
from tests.benchmarks.workload import EventIds, Record, event_records, random_model
from tests.support.cluster.published_models import as_read


@dataclass
class Bench:
    """What every measurement is given.

    Parameters
    ----------
    bootstrap : address of the broker.
    folder : for everything that is written.
    sizes : how much is measured.
    facts : facts in the history of every user before the events; 0: nobody has seen them.
    repeat : which one runs, from 0.
    latest : figures of this repeat so far, of all measurements.
    kept : deployments that later repeats use again, by purpose.
    made : deployments of this measurement, whose topics may go when it is over.
    ids : where all ids of events come from.
    shared_topic : the topic of events that several measurements read, once it is filled.
    """

    bootstrap: str
    folder: Path
    sizes: Sizes
    facts: int = 100
    repeat: int = 0
    latest: Figures = field(default_factory=dict)
    kept: dict[str, Deployment] = field(default_factory=dict)
    made: list[Deployment] = field(default_factory=list)
    ids: EventIds = field(default_factory=EventIds)
    shared_topic: str | None = None

    @cached_property
    def model(self) -> FactorModel:
        """The model of all comparisons, as a worker knows it: rows that are made of it are not stale."""
        return as_read(random_model(self.sizes.n_videos, self.sizes.n_factors))

    def deployment(self, purpose: str, events: str | None = None) -> Deployment:
        """Return a deployment with names of its own, perhaps on another's events."""
        app_id = f"{purpose}-{secrets.token_hex(3)}"
        made = Deployment(self.bootstrap, app_id, events or f"{app_id}-events", self.folder, self.sizes.partitions)
        self.made.append(made)
        return made

    def events(self, first: int, count: int, n_videos: int) -> Iterator[Record]:
        """Return one event each of the users `first`..., as records whose ids no other event of the run has."""
        return event_records(first, count, n_videos, self.ids.series())

    async def clean(self) -> None:
        """Delete the topics of deployments that nobody will use again."""
        made, self.made = self.made, []
        for one in made:
            if one not in self.kept.values():
                await one.remove()

    @staticmethod
    def say(text: str) -> None:
        """Tell a person how far it is."""
        sys.stderr.write(f"bench: {text}\n")
