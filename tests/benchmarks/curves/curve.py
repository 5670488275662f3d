"""A curve: lines over one size, each point a median with its range."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.benchmarks.figures import Summary


@dataclass(slots=True)
class Line:
    """One thing over all sizes.

    Parameters
    ----------
    name : what a reader calls it.
    limit : whether it is what ours cannot be better than, not ours.
    points : size and figure, by ascending size.
    """

    name: str
    limit: bool = False
    points: list[tuple[float, Summary]] = field(default_factory=list)


@dataclass(slots=True)
class Curve:
    """A plot.

    Parameters
    ----------
    name : of its files.
    title, x, y : words; units are in them.
    lines : ours and its limits.
    log_x, log_y : whether an axis is logarithmic; one that is not begins at 0.
    """

    name: str
    title: str
    x: str
    y: str
    lines: list[Line]
    log_x: bool = True
    log_y: bool = True

    def add(self, size: float, values: Mapping[str, Sequence[float]]) -> None:
        """Add a point at one size to every line that has values, by the line's name."""
        for line in self.lines:
            if values.get(line.name):
                line.points.append((size, Summary.of(values[line.name])))
