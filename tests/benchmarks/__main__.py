"""``python -m tests.benchmarks``: run the benchmarks, repeat by repeat; see `./deploy/bench --help`."""

import argparse
import asyncio
import dataclasses
import logging
import os
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from threadpoolctl import threadpool_limits

from deploy.kafka import Broker
from tests.benchmarks import registry
from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import summaries
from tests.benchmarks.report import json_line, markdown
from tests.benchmarks.sizes import FULL, QUICK

_TERMINATED = 128 + signal.SIGTERM
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for; the last line of standard output is the JSON object when that was asked for."""
    options = _parser().parse_args(arguments)
    sizes = QUICK if options.quick else FULL
    if options.users:
        sizes = dataclasses.replace(sizes, stored_users=options.users)
    repeats = options.repeats or (1 if options.quick else 5)
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # a new topic's leader is not known at once; it retries
    os.environ.update(dict.fromkeys(_THREADS, "1"))  # for the processes; this one's libraries are loaded already
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))  # so that everything is stopped and removed
    with (
        threadpool_limits(1),
        tempfile.TemporaryDirectory(prefix="nearline-bench-", dir=options.folder) as folder,
        Broker(data_dir=Path(folder) / "broker") as broker,
    ):
        bench = Bench(broker.address, Path(folder), sizes, options.history)
        found = summaries(asyncio.run(_run(bench, registry.chosen(options.only), repeats)))
    sys.stderr.write(f"\n{markdown(found)}\n")
    if options.json:
        sys.stdout.write(f"{json_line(found)}\n")
    return 0


async def _run(bench: Bench, measurements: Sequence[registry.Measurement], repeats: int) -> dict[str, list[float]]:
    """Measure everything once, then again: what is compared lies close together in time."""
    found: dict[str, list[float]] = defaultdict(list)
    for repeat in range(repeats):
        bench.repeat, bench.latest = repeat, {}
        for one in measurements:
            started = time.monotonic()
            figures = await one.measure(bench)
            bench.latest.update(figures)
            for name, value in figures.items():
                found[name].append(value)
            shown = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
            bench.say(f"{repeat + 1}/{repeats} {one.name} ({time.monotonic() - started:.0f} s): {shown}")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="./deploy/bench",
        description="Measure Nearline beside what it is compared with, on one broker of its own.",
    )
    names = ", ".join(one.name for one in registry.MEASUREMENTS)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    parser.add_argument("--repeats", type=_positive, help="how often everything is measured (default 5; quick: 1)")
    parser.add_argument("--quick", action="store_true", help="small sizes: shows that it runs, not how fast")
    parser.add_argument("--only", type=_names, metavar="NAME,...", help=f"of {names}, or of the JSON object's keys")
    parser.add_argument("--history", type=int, default=0, metavar="FACTS", help="facts of each user before the events")
    parser.add_argument("--users", type=_positive, help="users on disk for memory and recovery (default 1,000,000)")
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made (2 GB and more)")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return number


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := registry.unknown(names):
        raise argparse.ArgumentTypeError(f"nothing is called {', '.join(unknown)}")
    return names


if __name__ == "__main__":
    sys.exit(main())
