"""The sizes that the curves visit, and how long they stay there."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CurveSizes:
    """Sizes in ascending order.

    Parameters
    ----------
    videos, factors, facts : of the model, of its factors, of a user's history.
    users : stored users; those above what the command allows are left out, and fewer than these are recovered too
        quickly to be told from the start of a process.
    workers : processes that share one topic.
    rounds : measurements of a point in this process.
    repeats : measurements of a point with processes of their own.
    """

    videos: tuple[int, ...] = (1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000)
    factors: tuple[int, ...] = (16, 32, 64, 96, 128, 192, 256)
    facts: tuple[int, ...] = (10, 30, 100, 300, 1_000, 3_000, 10_000)
    users: tuple[int, ...] = (30_000, 100_000, 300_000, 1_000_000)
    workers: tuple[int, ...] = (1, 2)
    rounds: int = 5
    repeats: int = 3


FULL = CurveSizes()
QUICK = CurveSizes(
    videos=(1_000, 10_000, 100_000),
    factors=(16, 64, 256),
    facts=(10, 100, 1_000),
    users=(20_000, 40_000),
    rounds=3,
    repeats=1,
)
