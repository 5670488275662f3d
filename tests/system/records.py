"""What came of a scenario: one record each, as lines of JSON in a file."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(slots=True)
class Record:
    """One run of one fault.

    Parameters
    ----------
    fault : its codes in `tests.system.faults`, such as F1, separated by a comma and a space.
    what : in words.
    seed : of its chances.
    kills : processes that were killed, stopped or frozen.
    events : accepted events that the verdict is about.
    lost, doubled : effects of events that are missing from the final state, or there more than once.
    erasures : records that erased somebody.
    returned : facts of erased users that are in the final state all the same.
    seconds : after each fault, until every partition was served again.
    notes : what else was measured, with its unit in the name.
    """

    fault: str
    what: str
    seed: int
    kills: int = 0
    events: int = 0
    lost: int = 0
    doubled: int = 0
    erasures: int = 0
    returned: int = 0
    seconds: list[float] = field(default_factory=list)
    notes: dict[str, float] = field(default_factory=dict)


class Book:
    """Collects records in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def enter(self, record: Record) -> None:
        """Append a record."""
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(record)) + "\n")

    def read(self) -> list[Record]:
        """Return what is there, in its order."""
        return list(_records(self.path.read_text(encoding="utf-8").splitlines())) if self.path.exists() else []


def _records(lines: Iterable[str]) -> Iterable[Record]:
    return (Record(**json.loads(line)) for line in lines if line.strip())
