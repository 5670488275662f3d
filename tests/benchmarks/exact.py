"""Exact lists on published workloads: top 10 for all users at 17,770 videos, and on demand at a million videos."""

import time

import numpy as np

from models.recommend import recommend
from models.scoring import best_videos
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figures
from tests.benchmarks.workload import histories, random_model

_VIDEOS, _FACTORS, _TOP = 17_770, 50, 10
_BLOCK, _ASKED = 28, 30  # 2 MiB of scores, as in `recommend`


async def measure(bench: Bench) -> Figures:
    """Return users for each CPU second of both; no score is left out and no order is approximate."""
    return {
        "top10_users_per_cpu_second": _all_users(bench.sizes.kernel_users),
        "on_demand_per_cpu_second": _on_demand(bench.sizes.large_videos),
        "on_demand_videos": bench.sizes.large_videos,
    }


def _all_users(count: int) -> float:
    model = random_model(_VIDEOS, _FACTORS)
    users = np.random.default_rng(6).normal(size=(count, _FACTORS)).astype(np.float32)
    best_videos(users[:_BLOCK], model.factors, model.largest_norm, _TOP)
    started = time.process_time()
    for first in range(0, count, _BLOCK):
        best_videos(users[first : first + _BLOCK], model.factors, model.largest_norm, _TOP)
    return count / (time.process_time() - started)


def _on_demand(n_videos: int) -> float:
    """One request after the other: the history is solved, all videos are scored, ten are chosen."""
    model = random_model(n_videos, _FACTORS)
    asked = histories(_ASKED, 20, n_videos)
    recommend(model, asked[:1], _TOP)
    started = time.process_time()
    for history in asked:
        recommend(model, [history], _TOP)
    return _ASKED / (time.process_time() - started)
