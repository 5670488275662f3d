"""The gate between training and publishing: a version serves only if the holdout speaks for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from app.offline.training.evaluate import K

_RANKING: Final = "nearline"
_NAME: Final = f"recall_at_{K}"
_ROUNDING: Final = 1e-9  # what is exactly at a limit passes, whatever binary fractions make of it


@dataclass(frozen=True, slots=True)
class Limits:
    """What the gate asks for.

    Parameters
    ----------
    min_recall_at_20 : of the nearline ranking, 0 to 1.
    max_relative_drop : from the active version's, 0 to 1; 0.05 is a twentieth of it.
    """

    min_recall_at_20: float
    max_relative_drop: float


@dataclass(frozen=True, slots=True)
class Standard:
    """The active version that a new one is compared with.

    Parameters
    ----------
    version : its name; None if nothing is active.
    metrics : what its ``metrics.json`` has; None if it cannot be read.
    """

    version: str | None = None
    metrics: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a version passes, and why."""

    passed: bool
    reason: str


def recall_of(metrics: Mapping[str, Any] | None) -> float | None:
    """Return the recall@20 of the nearline ranking; None if it was not measured."""
    by_ranking = (metrics or {}).get(_NAME)
    value = by_ranking.get(_RANKING) if isinstance(by_ranking, Mapping) else None
    return float(value) if isinstance(value, int | float) else None


def judge(limits: Limits, metrics: Mapping[str, Any], standard: Standard) -> Verdict:
    """Decide about a version by its ranking metrics.

    Without an active version, or one that was measured, only the minimum counts.
    """
    recall, active = recall_of(metrics), recall_of(standard.metrics)
    if recall is None:
        return Verdict(False, "the holdout asked no question; give more events, or a larger holdout")
    if recall < limits.min_recall_at_20 - _ROUNDING:
        return Verdict(False, f"{_NAME} is {recall:.4f}, below the minimum of {limits.min_recall_at_20:g}")
    if standard.version is None:
        return Verdict(True, f"{_NAME} is {recall:.4f}; nothing is active to compare it with")
    if active is None:
        return Verdict(True, f"{_NAME} is {recall:.4f}; that of the active {standard.version} is not known")
    change = f"{_NAME} is {recall:.4f}, that of the active {standard.version} {active:.4f}"
    if recall < active * (1.0 - limits.max_relative_drop) - _ROUNDING:
        return Verdict(False, f"{change}: {1.0 - recall / active:.1%} less, {limits.max_relative_drop:.1%} are allowed")
    return Verdict(True, change)
