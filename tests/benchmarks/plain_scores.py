"""What somebody writes who has NumPy and the formula: the baseline's numerics, for one user and for many at once."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.factorization.user_solver import SolverParameters

Liked = Sequence[tuple[str, float]]
Best = tuple[NDArray[np.int64], NDArray[np.float32]]


PARAMETERS: Final = SolverParameters(regularization=0.003, unobserved_weight=0.1)
"""The constants of every model that is compared."""


class PlainModel:
    """Video factors float32 (n_videos, k) of videos named v0, v1 and so on; the constants of `SolverParameters`."""

    def __init__(self, factors: NDArray[np.float32], parameters: SolverParameters | None = None) -> None:
        parameters = parameters or PARAMETERS
        self._factors = factors
        self._parameters = parameters
        self._base = parameters.unobserved_weight * (factors.T @ factors)
        self._identity = np.eye(factors.shape[1], dtype=np.float32)

    def best(self, liked: Liked, n: int) -> Best:
        """Return one user's n best unseen videos and their scores, best first."""
        rows = self._rows(liked)
        watched = self._factors[rows]
        user = np.linalg.solve(self._matrix(watched), watched.sum(axis=0))
        scores = self._factors @ user
        scores[rows] = -np.inf
        top = np.argpartition(scores, -n)[-n:]
        top = top[np.argsort(-scores[top])]
        return top, scores[top]

    def best_of_all(self, liked: Sequence[Liked], n: int) -> list[Best]:
        """Return every user's n best unseen videos, with one call for all systems and one for all scores."""
        rows = [self._rows(one) for one in liked]
        watched = [self._factors[one] for one in rows]
        matrices = np.stack([self._matrix(one) for one in watched])
        sides = np.stack([one.sum(axis=0) for one in watched])
        scores = np.linalg.solve(matrices, sides[..., np.newaxis])[..., 0] @ self._factors.T
        for user, seen in enumerate(rows):
            scores[user, seen] = -np.inf
        tops = np.argpartition(scores, -n, axis=1)[:, -n:]
        return [_ordered(top, scores[user, top]) for user, top in enumerate(tops)]

    def _rows(self, liked: Liked) -> NDArray[np.int64]:
        return np.array([int(video[1:]) for video, rating in liked if rating >= 4])

    def _matrix(self, watched: NDArray[np.float32]) -> NDArray[np.float32]:
        size = len(watched) + self._parameters.unobserved_weight * len(self._factors)
        ridge = self._parameters.regularization * size**self._parameters.frequency_exponent
        matrix: NDArray[np.float32] = self._base + watched.T @ watched + np.float32(ridge) * self._identity
        return matrix


def _ordered(rows: NDArray[np.int64], scores: NDArray[np.float32]) -> Best:
    order = np.argsort(-scores)
    return rows[order], scores[order]
