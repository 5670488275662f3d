"""``python -m tests.benchmarks``: run the benchmarks, repeat by repeat; see `./deploy/bench --help`."""

import asyncio
import logging
import os
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from threadpoolctl import threadpool_limits

from deploy.kafka import Broker
from tests.benchmarks import readme_table, registry
from tests.benchmarks.bench import Bench
from tests.benchmarks.options import Options
from tests.benchmarks.record import Run
from tests.benchmarks.report import json_line, markdown, peers, splits
from tests.benchmarks.running import Findings, measure_all

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
    if options.saved:
        return _report(options, Run.load(options.saved))
    findings = Findings()
    try:
        with _bench(options) as bench:
            measurements = registry.chosen(options.only)
            keep = partial(_keep, options, findings)
            asyncio.run(measure_all(bench, measurements, options.repeats, findings, keep))
    finally:  # figures outlive whatever ended the run
        status = _report(options, _run(options, findings)) if findings.measured or findings.failed else 1
    return status


def _run(options: Options, findings: Findings) -> Run:
    figures, failed = findings.summaries(), findings.failed
    return Run.now(options.command(), options.repeats, figures, findings.measured, failed)


def _keep(options: Options, findings: Findings) -> None:
    if options.save:
        _run(options, findings).save(options.save)


def _report(options: Options, run: Run) -> int:
    """Show and write what was asked for; return the exit status, 1 where a measurement failed."""
    parts = (markdown(run.figures), splits(run.figures), peers(run.figures), f"{run.date}, {run.machine}")
    sys.stderr.write("\n" + "\n\n".join(filter(None, (*parts, *map(str, run.failed)))) + "\n")
    if options.save:
        run.save(options.save)
    if options.markdown and run.failed:
        sys.stderr.write(f"{options.markdown} stays as it is: a table lacks what failed\n")
    elif options.markdown:
        readme_table.write(options.markdown, run)
    if options.json:
        sys.stdout.write(f"{json_line(run.figures, run.failed)}\n")
        sys.stdout.flush()
    return 1 if run.failed else 0


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


if __name__ == "__main__":
    sys.exit(main())
