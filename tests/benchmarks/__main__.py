"""``python -m tests.benchmarks``: run the benchmarks, repeat by repeat; see `./deploy/bench --help`."""

import asyncio
import logging
import os
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from threadpoolctl import threadpool_limits

from deploy.kafka import Broker
from tests.benchmarks import readme_table, registry
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import summaries
from tests.benchmarks.machine import pulse
from tests.benchmarks.options import Options
from tests.benchmarks.ratios import ratios
from tests.benchmarks.record import Run
from tests.benchmarks.report import json_line, markdown, peers, splits

_TERMINATED = 128 + signal.SIGTERM
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; the last line of standard output is the JSON object when that was asked for."""
    options = Options.parse(arguments)
    if options.curves:
        from tests.benchmarks.curves.drawn import draw_all  # matplotlib takes a second to load

        with _bench(options) as bench:
            asyncio.run(draw_all(bench, options))
        return 0
    run = Run.load(options.saved) if options.saved else _measured(options)
    parts = (markdown(run.figures), splits(run.figures), peers(run.figures), f"{run.date}, {run.machine}")
    sys.stderr.write("\n" + "\n\n".join(filter(None, parts)) + "\n")
    if options.save:
        run.save(options.save)
    if options.markdown:
        readme_table.write(options.markdown, run)
    if options.json:
        sys.stdout.write(f"{json_line(run.figures)}\n")
    return 0


def _measured(options: Options) -> Run:
    with _bench(options) as bench:
        found = asyncio.run(_run(bench, registry.chosen(options.only), options.repeats))
    return Run.now(options.command(), options.repeats, summaries(found))


@contextmanager
def _bench(options: Options) -> Iterator[Bench]:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a new topic's leader is not known at once; it retries
    os.environ.update(dict.fromkeys(_THREADS, "1"))  # for the processes; this one's libraries are loaded already
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))  # so that everything is stopped and removed
    with (
        threadpool_limits(1),
        tempfile.TemporaryDirectory(prefix="nearline-bench-", dir=options.folder) as folder,
        Broker(data_dir=Path(folder) / "broker") as broker,
    ):
        yield Bench(broker.address, Path(folder), options.sizes, options.history)


async def _run(bench: Bench, measurements: Sequence[registry.Measurement], repeats: int) -> dict[str, list[float]]:
    """Measure everything once, then again: what is compared lies close together in time."""
    found: dict[str, list[float]] = defaultdict(list)
    for repeat in range(repeats):
        bench.repeat, bench.latest = repeat, {}
        for one in registry.in_order(measurements, repeat):
            machine, started = pulse(), time.monotonic()
            figures = await one.measure(bench)
            await bench.clean()
            bench.latest.update(figures)
            for name, value in (machine | figures).items():
                found[name].append(value)
            shown = ", ".join(f"{name} {value:.4g}" for name, value in (machine | figures).items())
            bench.say(f"{repeat + 1}/{repeats} {one.name} ({time.monotonic() - started:.0f} s): {shown}")
        for name, value in ratios(bench.latest).items():
            found[name].append(value)
    return found


if __name__ == "__main__":
    sys.exit(main())
