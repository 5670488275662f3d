"""The figures that the bars are for: of each data set, and how sure each is."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.inference.recommend import solve_histories
from tests.quality import reference
from tests.quality.answers import METRICS, nearline, popular, user_ids
from tests.quality.folds import folds
from tests.quality.learned import FREQUENCY_EXPONENT, REGULARIZATION, UNOBSERVED_WEIGHT, learned

RECORDED: Final = Path(__file__).with_name("recorded.json")
DIGITS: Final = 4
SEEDS: Final = (1, 2, 3, 4)
"""Other starts of the learner, by which the figures are judged that do not depend on who happens to be asked."""

_NDCG: Final = METRICS.index("ndcg@100")
_OBJECTIVE: Final = (REGULARIZATION, UNOBSERVED_WEIGHT, FREQUENCY_EXPONENT)


class Figure(NamedTuple):
    """A value and its standard error."""

    value: float
    error: float


def over_people(name: str) -> dict[str, Figure]:
    """Return the means over the people of a data set, with their standard errors.

    ``recall@20``, ``recall@50``, ``ndcg@100``
        Of the lists that are solved nearline.
    ``ndcg@100-over-popular``
        Each person's nDCG@100 less the one that popularity gives the same person.
    ``liked-over-disliked``
        Which part of the pairs of a liked and a disliked video that nobody was told of is scored in that order.
    """
    found = nearline(name)
    over_popular = found.metrics[:, _NDCG] - popular(name)[:, _NDCG]
    columns = dict(zip(METRICS, found.metrics.T, strict=True))
    columns |= {"ndcg@100-over-popular": over_popular, "liked-over-disliked": found.preferred}
    return {figure: _mean(values) for figure, values in columns.items()}


def over_recorded(name: str, seed: int = 0) -> float:
    """Return the mean difference of each person's nDCG@100 from the recorded one."""
    recorded = recorded_ndcg()[name]
    now = dict(zip(user_ids(name), nearline(name, seed).metrics[:, _NDCG].tolist(), strict=True))
    assert now.keys() == recorded.keys(), "the folds ask others than those who are recorded"
    return float(np.mean([now[user] - recorded[user] for user in now]))


def objective(name: str, seed: int = 0) -> float:
    """Return the objective that the first fold's video factors reach; see `reference.least_objective`."""
    model = learned(name, 0, seed)
    factors = dict(zip(model.video_ids, model.factors.astype(np.float64), strict=True))
    return reference.least_objective(folds(name)[0], factors, *_OBJECTIVE)


def solver_error(name: str) -> float:
    """Return the largest relative distance of a person's factors from the reference, for the first fold's people."""
    fold, model = folds(name)[0], learned(name, 0)
    rows = {video: row for row, video in enumerate(model.video_ids)}
    exact = reference.user_factors(
        [one.known for one in fold.people], rows, model.factors.astype(np.float64), *_OBJECTIVE
    )
    return _largest_distance(solve_histories(model, [one.history for one in fold.people]), exact)


def over_seeds(name: str) -> dict[str, Figure]:
    """Return the figures whose error is that of the learner's start; it takes a learning of everything for each."""
    objectives = [objective(name, seed) for seed in (0, *SEEDS)]
    differences = [over_recorded(name, seed) for seed in SEEDS]
    return {
        "objective": Figure(objectives[0], float(np.std(objectives, ddof=1))),
        "ndcg@100-of-each-person": Figure(over_recorded(name), float(np.sqrt(np.mean(np.square(differences))))),
    }


@cache
def recorded_ndcg() -> Mapping[str, Mapping[str, float]]:
    """Read each person's recorded nDCG@100, by data set and user."""
    found: Mapping[str, Mapping[str, float]] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return found


def record(names: tuple[str, ...]) -> None:
    """Record each person's nDCG@100 as it is now."""
    values = {
        name: {
            user: round(value, DIGITS)
            for user, value in zip(user_ids(name), nearline(name).metrics[:, _NDCG].tolist(), strict=True)
        }
        for name in names
    }
    RECORDED.write_text(json.dumps(values, indent=0) + "\n", encoding="utf-8")
    recorded_ndcg.cache_clear()


def _mean(values: NDArray[np.float64]) -> Figure:
    known = values[~np.isnan(values)]
    return Figure(float(known.mean()), float(known.std(ddof=1) / np.sqrt(len(known))))


def _largest_distance(found: NDArray[np.float32], exact: NDArray[np.float64]) -> float:
    lengths = np.linalg.norm(exact, axis=1)  # 0 for whom nothing is known, whose factors must be zeros
    return float(np.max(np.linalg.norm(found - exact, axis=1) / np.where(lengths > 0, lengths, 1.0)))
