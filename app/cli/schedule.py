"""``nearline schedule``: periodic training, or one round of it.

====  =============================================================
0     told to end; with --once: every version was published
1     with --once: a job failed
2     the jobs file, the settings or the command are wrong
3     with --once: the gate held a version back, and no job failed
130   with --once: told to end before all was done
====  =============================================================
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.context import quiet_settings
from app.cli.failures import EXIT_FAILED, EXIT_HELD_BACK, EXIT_INTERRUPTED, explain
from app.cli.output import show_json, show_line

if TYPE_CHECKING:
    from datetime import datetime

    from app.offline.schedule.jobs_file import Job
    from app.offline.schedule.schedule import Report
    from app.offline.schedule.training_run import Trainer, TrainingRun

_log = logging.getLogger(__name__)


def schedule(
    context: typer.Context,
    jobs: Annotated[Path, typer.Argument(metavar="JOBS.toml", help="The jobs, one for each region.")],
    once: Annotated[bool, typer.Option("--once", help="Run every job once, now, and end.")] = False,
    region: Annotated[str | None, typer.Option(help="Only the job of this region.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object a run, each on a line.")] = False,
) -> None:
    """Train, measure, pass the gate and publish, periodically, until a signal.

    Jobs run one at a time. One that fails, or that the gate holds back, leaves its region's active version alone.
    """
    from app.errors import JobsInvalid
    from app.offline.schedule.jobs_file import read_jobs
    from app.offline.schedule.training_run import Trainer
    from app.publishing.activation import publisher_of

    settings = quiet_settings(context).settings
    chosen = [job for job in read_jobs(jobs) if region in {None, job.region}]
    if not chosen:
        raise JobsInvalid(f"{jobs} has no job of region {region}")
    trainer = Trainer(publisher_of(settings), settings.users.history_limit, _describe)
    verdicts: list[str] = []

    def report(run: "TrainingRun") -> None:
        verdicts.append(run.verdict)
        _show(run, json=json)

    finished = asyncio.run(_follow(chosen, trainer, report, once=once))
    status = _status(verdicts, len(chosen)) if once else 0
    if not finished:  # its thread would keep the interpreter from ending in order
        sys.stdout.flush()
        os._exit(status)
    raise typer.Exit(status)


async def _follow(jobs: Sequence["Job"], trainer: "Trainer", report: "Report", *, once: bool) -> bool:
    from app.offline.schedule.schedule import run_once, run_schedule

    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    if once:
        return await run_once(jobs, trainer.run, report, stop)
    return await run_schedule(jobs, trainer.run, report, stop, _tell_next)


def _tell_next(due: "datetime", region: str) -> None:
    _log.info("region %s is trained next, at %s", region, due.isoformat(timespec="seconds"))


def _show(run: "TrainingRun", *, json: bool) -> None:
    if run.verdict == "failed":
        _log.error("the job of region %s failed: %s", run.region, run.reason)
    elif run.verdict == "held_back":
        _log.warning("a version of region %s is held back: %s", run.region, run.reason)
    if json:
        show_json(asdict(run))
    else:
        name = f" {run.version}" if run.version else ""
        show_line(f"{run.region} {run.verdict.replace('_', ' ')}{name} after {run.seconds:.1f} s: {run.reason}")


def _status(verdicts: Sequence[str], jobs: int) -> int:
    if "failed" in verdicts:
        return EXIT_FAILED
    if "abandoned" in verdicts or len(verdicts) < jobs:
        return EXIT_INTERRUPTED
    return EXIT_HELD_BACK if "held_back" in verdicts else 0


def _describe(error: Exception) -> str:
    explained = explain(error)
    if explained is None:
        _log.error("a job met a defect", exc_info=error)
        return f"{type(error).__name__}: {error}"
    return explained[1]
