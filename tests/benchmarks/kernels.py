"""The numeric kernels alone, and each of their parts: the worker's histories and chunks, here, with one thread."""

import numpy as np

from models.feedback.history import History
from models.inference.recommend import recommend, solve_histories
from tests.benchmarks.alternating import medians
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figures
from tests.benchmarks.limits import scores_side, solve_sides
from tests.benchmarks.workload import event, histories

_LIMIT, _ROUNDS, _PARTS_USERS = 500, 5, 1_000


async def measure(bench: Bench) -> Figures:
    """Return users for each CPU second of the whole, and the microseconds of a user in each part."""
    sizes = bench.sizes
    size = round(bench.latest["chunk_events"])
    users = _after_the_event(bench, min(sizes.kernel_users, sizes.events))
    chunks = [users[start : start + size] for start in range(0, len(users) - size + 1, size)] or [users]
    spent = medians({"whole": lambda: [recommend(bench.model, chunk, sizes.top) for chunk in chunks]}, _ROUNDS)
    return {
        "kernel_users_per_cpu_second": sum(map(len, chunks)) / spent["whole"],
        **parts(bench, users[: min(size, _PARTS_USERS)]),
    }


def parts(bench: Bench, users: list[History]) -> Figures:
    """Return what a user costs in each part of one chunk, in CPU microseconds, every part beside its own limit.

    `solve` goes from histories to user factors, of which `blas` is what no solver can do without; `gemm` is all scores
    without a choice, `choose` the choice; `left` is what none of the three names: looking videos up, making
    confidences, gathering factors, leaving out what was seen.
    """
    model, top, count = bench.model, bench.sizes.top, len(users)
    solved = solve_histories(model, users)
    facts = round(np.mean([len(history) for history in users]))
    spent = medians(
        {
            "whole": lambda: recommend(model, users, top),
            "solve": lambda: solve_histories(model, users),
            "choose": lambda: model.search.best(solved, top),
            "gemm": scores_side(solved, model.factors),
            **solve_sides(facts, model.n_factors, count),
        },
        _ROUNDS,
    )
    each = {name: 1e6 * seconds / count for name, seconds in spent.items()}
    blas = min(each[name] for name in ("k_equations", "n_equations") if name in each)
    return {
        "kernel_us": each["whole"],
        "kernel_solve_us": each["solve"],
        "kernel_blas_us": blas,
        "kernel_gemm_us": each["gemm"],
        "kernel_choose_us": each["choose"] - each["gemm"],
        "kernel_left_us": each["whole"] - blas - each["choose"],
        "kernel_share_of_limit": (blas + each["gemm"]) / each["whole"],
    }


def _after_the_event(bench: Bench, count: int) -> list[History]:
    before = histories(count, bench.facts, bench.sizes.n_videos)
    events = (event(number, number % bench.sizes.n_videos, "e") for number in range(len(before)))
    return [history.apply([one], _LIMIT) for one, history in zip(events, before, strict=True)]
