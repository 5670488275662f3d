"""What was measured, and by how much a figure may fall short of it.

``python -m tests.quality`` prints the figures of this checkout beside these. A figure that got better for good is
written here anew, with its standard error; one that got worse has a reason to be found first.
"""

from typing import Final, NamedTuple


class Bar(NamedTuple):
    """A measured value, its standard error, and the bar two of them away, where a figure is still accepted.

    Attributes
    ----------
    sign : 1 where more is better, -1 where less is.
    """

    measured: float
    error: float
    sign: int = 1

    @property
    def bar(self) -> float:
        """The worst value that is accepted."""
        return self.measured - self.sign * 2.0 * self.error

    def holds(self, value: float) -> bool:
        """Tell whether a value is as good as the bar."""
        return self.sign * value >= self.sign * self.bar


OVER_PEOPLE: Final = {
    "movielens": {
        "recall@20": Bar(0.3741, 0.0108),
        "recall@50": Bar(0.4980, 0.0116),
        "ndcg@100": Bar(0.4107, 0.0089),
        "ndcg@100-over-popular": Bar(0.1843, 0.0076),
        "liked-over-disliked": Bar(0.7436, 0.0118),
    },
    "movietweetings": {
        "recall@20": Bar(0.3064, 0.0090),
        "recall@50": Bar(0.4390, 0.0097),
        "ndcg@100": Bar(0.2089, 0.0050),
        "ndcg@100-over-popular": Bar(0.0111, 0.0037),
        "liked-over-disliked": Bar(0.6496, 0.0188),
    },
}
"""The error is that of the mean over people."""

OVER_SEEDS: Final = {
    "movielens": {
        "objective": Bar(16951.64, 3.05, sign=-1),
        "ndcg@100-of-each-person": Bar(0.0, 0.0008),
    },
    "movietweetings": {
        "objective": Bar(47081.73, 0.37, sign=-1),
        "ndcg@100-of-each-person": Bar(0.0, 0.0014),
    },
}
"""The error is what other starts of the learner make of it: the people and the questions are the same ones."""

POPULAR: Final = {
    "movielens": {"recall@20": 0.19031, "recall@50": 0.27125, "ndcg@100": 0.22641},
    "movietweetings": {"recall@20": 0.29281, "recall@50": 0.42127, "ndcg@100": 0.19784},
}
"""Popularity is counted, not learned: equal to five digits."""

SOLVER_ERROR: Final = 1e-4
"""How far from float64 the user solver may be."""
