"""The best videos of many users beside `implicit`'s batch of the same, and beside the matrix product alone.

Both get the same user factors and leave out what each user has seen; both use one thread; their lists are compared.
"""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from models.numerics.scoring import Excluded
from tests.benchmarks.alternating import medians
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figures
from tests.benchmarks.limits import scores_side
from tests.benchmarks.waiting import BenchmarkFailed
from tests.benchmarks.workload import random_model

SHAPES = ((10_000, 64, 100, 100), (17_770, 50, 10, 20))
"""Videos, factors, length of the list, videos that each user has seen."""

_USERS, _ROUNDS, _LEAST_COMMON = 2_000, 5, 0.999


async def measure(bench: Bench) -> Figures:
    """Return users for each CPU second of both, and their ratio, by shape."""
    found: Figures = {}
    for shape in SHAPES:
        found |= _at(*shape, min(_USERS, bench.sizes.kernel_users))
    return found


def _at(n_videos: int, n_factors: int, top: int, n_seen: int, count: int) -> Figures:
    model, rng = random_model(n_videos, n_factors), np.random.default_rng(6)
    users = rng.standard_normal((count, n_factors), np.float32)
    seen = np.array([np.sort(rng.choice(n_videos, n_seen, replace=False)) for _ in range(count)], np.int32).ravel()
    bounds = np.arange(count + 1) * n_seen
    excluded = Excluded(seen, bounds[:-1], bounds[1:])
    learner = _learner(model.factors, users)
    watched = csr_matrix((np.ones(len(seen), np.float32), seen, bounds), (count, n_videos))

    def ours() -> NDArray[np.int32]:
        return np.array([one.rows for one in model.search.best(users, top, excluded)])

    def theirs() -> NDArray[np.int32]:
        rows: NDArray[np.int32] = learner.recommend(np.arange(count), watched, N=top)[0]
        return rows

    _hold(ours(), theirs())
    spent = medians({"ours": ours, "theirs": theirs, "gemm": scores_side(users, model.factors)}, _ROUNDS)
    name = f"top{top}_of_{n_videos}"
    return {
        f"{name}_ratio": spent["theirs"] / spent["ours"],
        f"{name}_us": 1e6 * spent["ours"] / count,
        f"{name}_implicit_us": 1e6 * spent["theirs"] / count,
        f"{name}_gemm_us": 1e6 * spent["gemm"] / count,
    }


def _learner(factors: NDArray[np.float32], users: NDArray[np.float32]) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about threads and GPUs
        from implicit.cpu.als import AlternatingLeastSquares

        learner = AlternatingLeastSquares(factors.shape[1], num_threads=1)
    learner.item_factors, learner.user_factors = factors.copy(), users
    return learner


def _hold(ours: NDArray[np.int32], theirs: NDArray[np.int32]) -> None:
    """Check that both found the same videos; where scores differ by rounding alone, a last place may."""
    common = sum(len(np.intersect1d(one, other)) for one, other in zip(ours, theirs, strict=True)) / ours.size
    if common < _LEAST_COMMON:
        raise BenchmarkFailed(f"only {common:.2%} of the best videos are those that implicit finds")
