"""Exact lists on published workloads: top 10 for all users at 17,770 videos, and on demand at a million videos."""

import time

import numpy as np

from deploy.demonstration.latency import percentile
from models.inference.recommend import recommend
from tests.benchmarks.alternating import medians
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figures
from tests.benchmarks.limits import scan_side, scores_side
from tests.benchmarks.workload import histories, random_model

_VIDEOS, _FACTORS, _TOP = 17_770, 50, 10
_ASKED, _ROUNDS = 30, 3


async def measure(bench: Bench) -> Figures:
    """Return users for each CPU second of both, and of the matrix products alone; nothing here is approximate."""
    return {**_all_users(bench.sizes.kernel_users), **_on_demand(bench.sizes.large_videos)}


def _all_users(count: int) -> Figures:
    model = random_model(_VIDEOS, _FACTORS)
    users = np.random.default_rng(6).standard_normal((count, _FACTORS), np.float32)

    spent = medians(
        {
            "ours": lambda: model.search.best(users, _TOP),
            "gemm": scores_side(users, model.factors),
        },
        _ROUNDS,
    )
    return {
        "top10_users_per_cpu_second": count / spent["ours"],
        "top10_limit_users_per_cpu_second": count / spent["gemm"],
    }


def _on_demand(n_videos: int) -> Figures:
    """One request after the other: the history is solved, all videos are scored, ten are chosen."""
    model = random_model(n_videos, _FACTORS)
    asked = histories(_ASKED, 20, n_videos)
    users = np.random.default_rng(6).standard_normal((_ASKED, _FACTORS), np.float32)
    took = []

    def ours() -> None:
        for history in asked:
            started = time.perf_counter()
            recommend(model, [history], _TOP)
            took.append(1000 * (time.perf_counter() - started))

    spent = medians({"ours": ours, "scan": scan_side(users, model.factors)}, _ROUNDS)
    return {
        "on_demand_per_cpu_second": _ASKED / spent["ours"],
        "on_demand_limit_per_cpu_second": _ASKED / spent["scan"],
        "on_demand_p50_ms": percentile(took[_ASKED:], 0.5),
        "on_demand_p99_ms": percentile(took[_ASKED:], 0.99),
        "on_demand_videos": n_videos,
    }
