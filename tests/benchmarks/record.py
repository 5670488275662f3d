"""A run as a file: every figure, with the command, the day and the machine that it came from."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.figures import Failure, Summary
from tests.benchmarks.machine import description


@dataclass(frozen=True, slots=True)
class Run:
    """What one run found.

    Parameters
    ----------
    command : what makes it again.
    date : day, UTC.
    machine : CPU and cores.
    repeats : how often everything was measured.
    figures : by name.
    measured : names of the figures that each measurement gave, by its name.
    failed : measurements that gave none in a repeat.
    """

    command: str
    date: str
    machine: str
    repeats: int
    figures: Mapping[str, Summary]
    measured: Mapping[str, Sequence[str]] = field(default_factory=dict)
    failed: Sequence[Failure] = ()

    @classmethod
    def now(
        cls,
        command: str,
        repeats: int,
        figures: Mapping[str, Summary],
        measured: Mapping[str, Sequence[str]] | None = None,
        failed: Sequence[Failure] = (),
    ) -> "Run":
        """Return the run that ends now, on this machine."""
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        return cls(command, day, description(), repeats, figures, measured or {}, tuple(failed))

    @classmethod
    def load(cls, path: Path) -> "Run":
        """Read a file that `save` wrote."""
        fields = json.loads(path.read_text(encoding="utf-8"))
        figures = {name: Summary(**one) for name, one in fields.pop("figures").items()}
        measured = {name: tuple(given) for name, given in fields.pop("measured", {}).items()}
        failed = tuple(Failure(**one) for one in fields.pop("failed", ()))
        return cls(**fields, figures=figures, measured=measured, failed=failed)

    def save(self, path: Path) -> None:
        """Write a file, or leave the one that is there: whatever ends this process, one of the two is whole."""
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        temporary.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
        temporary.replace(path)
