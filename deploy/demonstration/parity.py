"""Comparing what workers answer with what the same code computes offline from the same events."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

from app.offline.data.histories import Population
from deploy.demonstration.view import View
from models.factorization.factor_model import FactorModel
from models.inference.recommend import recommend

LIMIT = 20
_USERS = 200
_AT_ONE_TIME = 8


@dataclass(frozen=True, slots=True)
class Parity:
    """How many users were compared, and whose lists differ."""

    users: int
    mismatches: list[str]


async def compare(view: View, model: FactorModel, population: Population) -> Parity:
    """Compare lists of some users, video by video and in order, workers in turn.

    Who has no list offline must get what is popular.
    """
    everybody = sorted(population.histories)
    users = random.Random(0).sample(everybody, min(_USERS, len(everybody)))  # noqa: S311 - a sample, not a secret
    answered = await _answers(view, users)
    computed = recommend(model, [population.histories[user] for user in users], LIMIT)
    mismatches = []
    for user, (source, videos), top in zip(users, answered, computed, strict=True):
        expected = [model.video_ids[row] for row in top.rows.tolist()]
        same = source == "nearline" and videos == expected if expected else source == "popular"
        if not same:
            mismatches.append(user)
    return Parity(len(users), mismatches)


async def _answers(view: View, users: Sequence[str]) -> list[tuple[str, list[str]]]:
    few = asyncio.Semaphore(_AT_ONE_TIME)

    async def ask(url: str, user: str) -> tuple[str, list[str]]:
        async with few:
            answer = await view.recommendations(url, user, LIMIT)
        return answer["source"], [item["video_id"] for item in answer["items"]]

    return await asyncio.gather(*(ask(url, user) for url, user in zip(cycle(view.urls), users, strict=False)))
