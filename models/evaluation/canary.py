"""The canary: what a new version would show real users, held against what serves them now.

Verification (`models.artifacts.artifact`) tells that a version is whole; it cannot tell that row 7 is another video
than the factors were learned for. The lists of real users can: they would have nothing to do with what these users see
now, nor with what they watched last.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from models.parameters import Allowed, Parameters

if TYPE_CHECKING:  # the settings have these limits for their defaults, and must not wait for the numerics
    from models.evaluation.list_comparison import Comparison


@dataclass(frozen=True, kw_only=True)
class CanaryLimits(Parameters):
    """How far a new version may be from the one that serves; the settings of the canary have the same fields.

    Parameters
    ----------
    min_overlap : float
        Least mean overlap of both lists.
    max_score_drift : float
        Largest relative change of the mean score, up or down.
    min_coverage_ratio : float
        Least share of the active version's coverage.
    max_popularity_rise, max_nothing_rise, max_held_out_rise : float
        Largest rise of the share of places that popular videos take, of the share of users with nothing to show, and
        of the mean percentile rank of a video that was taken out of a user's history.
    """

    min_overlap: Annotated[float, Allowed(0, 1, "Least mean overlap of the first 20 videos of both lists.")] = 0.1
    max_score_drift: Annotated[float, Allowed(0, 1000, "Largest relative change of the mean score, up or down.")] = 2.0
    min_coverage_ratio: Annotated[float, Allowed(0, 1, "Least share of the serving model's coverage.")] = 0.2
    max_popularity_rise: Annotated[float, Allowed(0, 1, "Largest rise of the share of popular videos in lists.")] = 0.5
    max_nothing_rise: Annotated[float, Allowed(0, 1, "Largest rise of the share of users with nothing to show.")] = 0.05
    max_held_out_rise: Annotated[
        float, Allowed(0, 1, "Largest rise of the mean percentile rank of what users liked last.")
    ] = 0.2


def objections(found: "Comparison", limits: CanaryLimits) -> list[str]:
    """Return why a candidate must not serve, a sentence for each limit that it breaks; none when it may."""
    coverage, popularity = found.coverage, found.popularity_share
    nothing, held_out = found.nothing_to_show, found.held_out_rank
    least, ratio = limits.min_coverage_ratio * coverage.active, limits.min_coverage_ratio
    falls = f"coverage falls from {coverage.active:.3f} to {coverage.candidate:.3f}, below {ratio} of it"
    drifts = f"scores drift by {found.score_drift:+.2f}, beyond {limits.max_score_drift}"
    checks = [
        (found.overlap < limits.min_overlap, f"lists overlap by {found.overlap:.3f}, below {limits.min_overlap}"),
        (abs(found.score_drift) > limits.max_score_drift, drifts),
        (coverage.candidate < least, falls),
        _rise("the share of popular videos", popularity.active, popularity.candidate, limits.max_popularity_rise),
        _rise("the share of users with nothing", nothing.active, nothing.candidate, limits.max_nothing_rise),
    ]
    if held_out is not None:
        what = "the mean rank of what users watched last"
        checks.append(_rise(what, held_out.active, held_out.candidate, limits.max_held_out_rise))
    return [sentence for broken, sentence in checks if broken]


def _rise(what: str, active: float, candidate: float, most: float) -> tuple[bool, str]:
    return candidate - active > most, f"{what} rises from {active:.3f} to {candidate:.3f}, by more than {most}"
