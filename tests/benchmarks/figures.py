"""Figures of repeated measurements, and what they come to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

Figures = dict[str, float]
"""What one measurement found, by name; units are in the names."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A measurement that gave no figures.

    Parameters
    ----------
    measurement : its name.
    repeat : in which repeat, from 1.
    error : what went wrong, in words.
    """

    measurement: str
    repeat: int
    error: str

    def __str__(self) -> str:
        return f"{self.measurement} failed in repeat {self.repeat}: {self.error}"


@dataclass(frozen=True, slots=True)
class Summary:
    """Median, least and largest of the repeats."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Summary":
        """Summarise at least one value."""
        return cls(median(values), min(values), max(values))


def summaries(found: Mapping[str, Sequence[float]]) -> dict[str, Summary]:
    """Return the summary of every figure that has values."""
    return {name: Summary.of(values) for name, values in found.items() if values}
