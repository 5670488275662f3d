"""The numeric kernels alone: the same histories, in chunks of the same size, in this process with one BLAS thread."""

import time

from models.history import History
from models.recommend import recommend
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Figures
from tests.benchmarks.workload import event, histories

_LIMIT = 500


async def measure(bench: Bench) -> Figures:
    """Return users for each CPU second, and the worker's rate as a share of it."""
    sizes = bench.sizes
    size = round(bench.latest["chunk_events"])
    users = _after_the_event(bench, min(sizes.kernel_users, sizes.events))
    chunks = [users[start : start + size] for start in range(0, len(users) - size + 1, size)] or [users]
    recommend(bench.model, chunks[0], sizes.top)  # the first call touches the factors for the first time
    started = time.process_time()
    for chunk in chunks:
        recommend(bench.model, chunk, sizes.top)
    rate = sum(map(len, chunks)) / (time.process_time() - started)
    return {"kernel_users_per_cpu_second": rate, "kernels_ratio": bench.latest["events_per_cpu_second"] / rate}


def _after_the_event(bench: Bench, count: int) -> list[History]:
    before = histories(count, bench.facts, bench.sizes.n_videos)
    return [
        history.apply([event(number, number % bench.sizes.n_videos)], _LIMIT) for number, history in enumerate(before)
    ]
