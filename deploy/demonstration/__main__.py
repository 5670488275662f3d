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
from deploy.demonstration import acts
from deploy.demonstration.arguments import Options, parse
from deploy.demonstration.errors import DemonstrationFailed
from deploy.demonstration.feed import Feed
from deploy.demonstration.processes import Workers
from deploy.demonstration.screen import Screen
from deploy.demonstration.serving import serve
from deploy.demonstration.stage import Stage, delete_topics
from deploy.demonstration.story import tell
from deploy.demonstration.summary import Summary, summary_of
from deploy.kafka import Broker, BrokerError
from models.errors import ModelError

_EXPECTED = (DemonstrationFailed, BrokerError, JobFailed, ModelError, TopicMismatch, KafkaError, OSError)
_INTERRUPTED = 130
_NOTICED_SECONDS = 0.3  # a supervisor looks at its process ten times a second
_TITLES = {"movielens": "MovieLens latest-small", "movietweetings": "MovieTweetings"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demonstration; return the exit status (1: something did not do what it should)."""
    options = parse(arguments)
    screen = Screen(stderr=options.json)
    for name in ("aiokafka", "asyncio"):  # failures end up as one sentence; a new topic without a leader is no news
        logging.getLogger(name).setLevel(logging.CRITICAL)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with threadpool_limits(1):  # more would only wait for each other beside the workers
            problems = demonstrate(options, screen)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except _EXPECTED as error:
        problems = [str(error) or type(error).__name__]
    for problem in problems:
        screen.line(f"error: {problem}", style="bold red")
    return 1 if problems else 0


def demonstrate(options: Options, screen: Screen) -> list[str]:
    """Play everything and end what was started; return what went wrong, as sentences."""
    started = time.monotonic()
    dataset = _ratings(options)
    feed = Feed.of(dataset)
    screen.heading(f"Nearline on {_TITLES[dataset.name]}")
    screen.line(f"{len(dataset.ratings):,} ratings by {feed.users:,} people of {feed.videos:,} videos, in time order.")
    with _stage(options, screen) as stage:
        acts.fill_topics(stage, dataset, screen)
        screen.heading("A model of the first 80 %")
        model = acts.train_and_publish(stage, feed, screen)
        screen.heading(f"{options.workers} workers, each a process with a folder of its own")
        with Workers(stage, options.workers, temporary=options.keep_data is None) as workers:
            with _tails_on_failure(workers, screen):
                story = tell(stage, workers, model, dataset, feed, screen)
                summary = summary_of(story, feed, model.version, options.workers, time.monotonic() - started)
                _show(summary, options, screen)
                if not options.once:
                    liked_most = model.video_ids[int(model.popularity.argmax())]
                    serve(stage, workers, feed.held[-1].user_id, liked_most, screen)
            _stop(workers, screen)
    return summary.problems()


def _ratings(options: Options) -> Dataset:
    dataset = load_ratings(options.data)
    return replace(dataset, ratings=dataset.ratings[: options.ratings])


def _show(summary: Summary, options: Options, screen: Screen) -> None:
    summary.show(screen)
    if options.json:
        sys.stdout.write(f"{summary.encode()}\n")
        sys.stdout.flush()


def _stop(workers: Workers, screen: Screen) -> None:
    for number, status in enumerate(workers.stop()):
        if status:
            screen.line(f"worker {number} ended with status {status}", style="yellow")


@contextmanager
def _stage(options: Options, screen: Screen) -> Iterator[Stage]:
    """Yield a place to play: a folder, a broker, an environment; all of it ours goes at the end."""
    configured, keep = os.environ.get("NEARLINE_KAFKA__BOOTSTRAP"), options.keep_data
    temporary = tempfile.TemporaryDirectory(prefix="nearline-demo-", ignore_cleanup_errors=True)
    with nullcontext(keep) if keep else temporary as name:
        folder = Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        with Broker(configured, data_dir=keep and keep / "broker") as broker:
            screen.heading(f"Kafka at {broker.address}")
            screen.line("yours" if configured else f"started in {time.monotonic() - started:.1f} s")
            stage = Stage.at(folder, broker.address, borrowed=bool(configured))
            stage.enter()
            try:
                yield stage
            finally:
                if stage.borrowed:
                    asyncio.run(delete_topics(stage))


@contextmanager
def _tails_on_failure(workers: Workers, screen: Screen) -> Iterator[None]:
    try:
        yield
    except _EXPECTED:
        screen.line(workers.tails(), style="dim")
        time.sleep(_NOTICED_SECONDS)
        workers.check()  # no answer from a worker that has ended is not the news
        raise


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough: let everything end in good order
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
