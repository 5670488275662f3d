"""A run as a file: every figure, with the command, the day and the machine that it came from."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.figures import Summary
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
    """

    command: str
    date: str
    machine: str
    repeats: int
    figures: Mapping[str, Summary]

    @classmethod
    def now(cls, command: str, repeats: int, figures: Mapping[str, Summary]) -> "Run":
        """Return the run that ends now, on this machine."""
        return cls(command, f"{datetime.now(UTC):%Y-%m-%d}", description(), repeats, figures)

    @classmethod
    def load(cls, path: Path) -> "Run":
        """Read a file that `save` wrote."""
        fields = json.loads(path.read_text(encoding="utf-8"))
        figures = {name: Summary(**one) for name, one in fields.pop("figures").items()}
        return cls(**fields, figures=figures)

    def save(self, path: Path) -> None:
        """Write a file."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")
