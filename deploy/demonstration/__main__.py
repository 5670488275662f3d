"""``python -m deploy.demonstration``: everything on real ratings; ``--help`` lists the options."""

import asyncio
import logging
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import NoReturn

from aiokafka.errors import KafkaError
from threadpoolctl import threadpool_limits

from agents.kafka.topics import TopicMismatch
from app.errors import JobFailed
from deploy.data import Dataset, load_ratings
from deploy.demonstration import steps
from deploy.demonstration.arguments import Options, parse
from deploy.demonstration.deployment import Deployment, delete_topics
from deploy.demonstration.errors import DemonstrationFailed
from deploy.demonstration.feed import Feed
from deploy.demonstration.processes import Workers
from deploy.demonstration.scenario import run_scenario
from deploy.demonstration.serving import serve
from deploy.demonstration.summary import Summary, summary_of
from deploy.demonstration.terminal import Terminal
from deploy.kafka import Broker, BrokerError
from models.errors import ModelError

_EXPECTED = (DemonstrationFailed, BrokerError, JobFailed, ModelError, TopicMismatch, KafkaError, OSError)
_INTERRUPTED = 130
_NOTICED_SECONDS = 0.3  # a supervisor looks at its process ten times a second
_TITLES = {"movielens": "MovieLens latest-small", "movietweetings": "MovieTweetings"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demonstration; return the exit status (1: something did not do what it should)."""
    options = parse(arguments)
    terminal = Terminal(stderr=options.json)
    for name in ("aiokafka", "asyncio"):  # failures end up as one sentence; a new topic without a leader is no news
        logging.getLogger(name).setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with threadpool_limits(1):  # more would only wait for each other beside the workers
            problems = demonstrate(options, terminal)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except _EXPECTED as error:
        problems = [str(error) or type(error).__name__]
    for problem in problems:
        terminal.line(f"error: {problem}", style="bold red")
    return 1 if problems else 0


def demonstrate(options: Options, terminal: Terminal) -> list[str]:
    """Play everything and end what was started; return what went wrong, as sentences."""
    started = time.monotonic()
    dataset = _ratings(options)
    feed = Feed.of(dataset)
    terminal.heading(f"Nearline on {_TITLES[dataset.name]}")
    terminal.line(
        f"{len(dataset.ratings):,} ratings by {feed.users:,} people of {feed.videos:,} videos, in time order."
    )
    with _deployment(options, terminal) as deployment:
        steps.fill_topics(deployment, dataset, terminal)
        terminal.heading("A model of the first 80 %")
        model = steps.train_and_publish(deployment, feed, terminal)
        terminal.heading(f"{options.workers} workers, each a process with a folder of its own")
        with Workers(deployment, options.workers, temporary=options.keep_data is None) as workers:
            with _tails_on_failure(workers, terminal):
                outcome = run_scenario(deployment, workers, model, dataset, feed, terminal)
                summary = summary_of(outcome, feed, model.version, options.workers, time.monotonic() - started)
                _show(summary, options, terminal)
                if not options.once:
                    liked_most = model.video_ids[int(model.popularity.argmax())]
                    serve(deployment, workers, feed.held[-1].user_id, liked_most, terminal)
            _stop(workers, terminal)
    return summary.problems()


def _ratings(options: Options) -> Dataset:
    dataset = load_ratings(options.data)
    return replace(dataset, ratings=dataset.ratings[: options.ratings])


def _show(summary: Summary, options: Options, terminal: Terminal) -> None:
    summary.show(terminal)
    if options.json:
        sys.stdout.write(f"{summary.encode()}\n")
        sys.stdout.flush()


def _stop(workers: Workers, terminal: Terminal) -> None:
    for number, status in enumerate(workers.stop()):
        if status:
            terminal.line(f"worker {number} ended with status {status}", style="yellow")


@contextmanager
def _deployment(options: Options, terminal: Terminal) -> Iterator[Deployment]:
    """Yield a place to play: a folder, a broker, an environment; all of it ours goes at the end."""
    configured, keep = os.environ.get("NEARLINE_KAFKA__BOOTSTRAP"), options.keep_data
    temporary = tempfile.TemporaryDirectory(prefix="nearline-demo-", ignore_cleanup_errors=True)
    with nullcontext(keep) if keep else temporary as name:
        folder = Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        with Broker(configured, data_dir=keep and keep / "broker") as broker:
            terminal.heading(f"Kafka at {broker.address}")
            terminal.line("yours" if configured else f"started in {time.monotonic() - started:.1f} s")
            deployment = Deployment.at(folder, broker.address, borrowed=bool(configured))
            deployment.enter()
            try:
                yield deployment
            finally:
                if deployment.borrowed:
                    asyncio.run(delete_topics(deployment))


@contextmanager
def _tails_on_failure(workers: Workers, terminal: Terminal) -> Iterator[None]:
    try:
        yield
    except _EXPECTED:
        terminal.line(workers.tails(), style="dim")
        time.sleep(_NOTICED_SECONDS)
        workers.check()  # no answer from a worker that has ended is not the news
        raise


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: let everything end in good order
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
