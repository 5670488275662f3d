"""The same figures from their definitions: float64, NumPy's own linear algebra, nothing of the product.

The objective is that of `models.factorization.als`, stated once more; ``s`` is 1 for a like and nothing else counts.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import log2

import numpy as np
from numpy.typing import NDArray

from tests.quality.folds import LIKE, Fold, Person, Stars

Array = NDArray[np.float64]


def popular(fold: Fold) -> list[list[float]]:
    """Return recall@20, recall@50 and nDCG@100 of each person for the order of most likes; a tie is a miss."""
    return [
        [_recall(ranks, 20), _recall(ranks, 50), _ndcg(ranks, 100)]
        for ranks in (_popular_ranks(fold.likes, person) for person in fold.people)
    ]


def user_factors(
    known: Iterable[Stars], rows: Mapping[str, int], videos: Array, ridge: float, weight: float, exponent: float
) -> Array:
    """Return what minimises the objective for each user, given the video factors; shape (m, k)."""
    base = weight * videos.T @ videos
    solved = []
    for stars in known:
        liked = videos[[rows[video] for video in stars if stars[video] >= LIKE and video in rows]]
        own = ridge * (len(liked) + weight * len(videos)) ** exponent
        solved.append(np.linalg.solve(liked.T @ liked + base + own * np.eye(len(base)), liked.sum(axis=0)))
    return np.array(solved)


def least_objective(
    fold: Fold, video_factors: Mapping[str, Array], ridge: float, weight: float, exponent: float
) -> float:
    """Return the objective of video factors, with the best factors of the fold's users for them.

    A video without factors has zeros.
    """
    rows = {video: row for row, video in enumerate(fold.likes)}
    k = len(next(iter(video_factors.values())))
    videos = np.array([video_factors.get(video, np.zeros(k)) for video in rows])
    users = user_factors(fold.learned_from.values(), rows, videos, ridge, weight, exponent)
    loss = weight * float(np.sum((users.T @ users) * (videos.T @ videos)))
    counts = np.zeros(len(videos))
    for factors, stars in zip(users, fold.learned_from.values(), strict=True):
        liked = [rows[video] for video in stars if stars[video] >= LIKE and video in rows]
        counts[liked] += 1
        loss += float(np.sum((videos[liked] @ factors - 1.0) ** 2))
        loss += ridge * float((len(liked) + weight * len(videos)) ** exponent * (factors @ factors))
    ridges = ridge * (counts + weight * len(users)) ** exponent
    return loss + float(ridges @ np.sum(videos**2, axis=1))


def _popular_ranks(likes: Mapping[str, int], person: Person) -> list[int]:
    candidates = [video for video in likes if video not in person.known]
    return [sum(likes[other] >= likes[video] for other in candidates) - 1 for video in person.liked]


def _recall(ranks: Sequence[int], k: int) -> float:
    return sum(rank < k for rank in ranks) / min(len(ranks), k)


def _ndcg(ranks: Sequence[int], k: int) -> float:
    gained = sum(1.0 / log2(rank + 2) for rank in ranks if rank < k)
    return gained / sum(1.0 / log2(place + 2) for place in range(min(len(ranks), k)))
