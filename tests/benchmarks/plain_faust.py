"""The baseline: the same work in plain Faust, as its documentation teaches.

One agent, two tables (what the user did, the best videos) in RocksDB, both with changelogs. Mode ``events`` takes
events one by one, ``batches`` takes up to 1,000 with `take_events`. What it does for an event is what a worker does,
without what a worker does besides: no validation, no dead letters, no protection from repeats, no popularity, no HTTP.

Run as a process: ``python -m tests.benchmarks.plain_faust MODE ID BOOTSTRAP TOPIC PARTITIONS FACTORS FOLDER``. It
appends lines "events, CPU seconds, clock" to ``FOLDER/samples`` for every 100 events.
"""

import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import faust
import numpy as np
from faust.streams import _current_event
from faust.types import EventT, StreamT
from threadpoolctl import threadpool_limits

from tests.benchmarks.plain_scores import PlainModel

_BATCH, _WITHIN, _LIMIT, _TOP, _EVERY = 1_000, 0.05, 500, 100, 100

Liked = list[tuple[str, float]]


class MemberEvent(faust.Record, serializer="json"):
    """An event, as far as it is needed."""

    event_id: str
    user_id: str
    video_id: str
    ts: str
    rating: float


def make_app(
    mode: str, app_id: str, bootstrap: str, topic: str, partitions: int, model: PlainModel, folder: Path
) -> faust.App:
    """Return the app."""
    app = faust.App(
        app_id,
        broker=f"kafka://{bootstrap}",
        store="rocksdb://",
        datadir=folder,
        topic_partitions=partitions,
        consumer_auto_offset_reset="earliest",
        web_enabled=False,
    )
    events = app.topic(topic, key_type=bytes, key_serializer="raw", value_type=MemberEvent)
    histories = app.Table("histories", key_type=bytes, default=list, partitions=partitions)  # values are JSON
    scores = app.Table("scores", key_type=bytes, value_type=bytes, partitions=partitions)
    count = _counter(folder / "samples")

    def remember(event: MemberEvent) -> Liked:
        history = [*histories[event.user_id.encode()], (event.video_id, event.rating)][-_LIMIT:]
        histories[event.user_id.encode()] = history
        return history

    async def one_by_one(stream: StreamT[MemberEvent]) -> None:
        async for event in stream:
            rows, values = model.best(remember(event), _TOP)
            scores[event.user_id.encode()] = rows.tobytes() + values.tobytes()
            count(1)

    async def in_batches(stream: StreamT[MemberEvent]) -> None:
        async for batch in stream.take_events(_BATCH, within=_WITHIN):  # type: ignore[attr-defined]
            liked = []
            for event in batch:
                _enter(event)
                liked.append(remember(event.value))
            for event, (rows, values) in zip(batch, model.best_of_all(liked, _TOP), strict=True):
                _enter(event)
                scores[event.value.user_id.encode()] = rows.tobytes() + values.tobytes()
            count(len(batch))

    app.agent(events)(one_by_one if mode == "events" else in_batches)
    return app


def _enter(event: EventT[MemberEvent]) -> None:
    """Say which event is being worked on: a table writes to its partition, which a batch has many of."""
    _current_event.set(weakref.ref(event))


def _counter(path: Path) -> Callable[[int], None]:
    done, written = 0, 0
    out = path.open("w", buffering=1)

    def count(more: int) -> None:
        nonlocal done, written
        done += more
        if done >= written + _EVERY:
            written = done
            out.write(f"{done} {time.process_time()} {time.perf_counter()}\n")

    return count


def main(mode: str, app_id: str, bootstrap: str, topic: str, partitions: str, factors: str, folder: str) -> None:
    """Run until SIGTERM."""
    with threadpool_limits(1):
        app = make_app(mode, app_id, bootstrap, topic, int(partitions), PlainModel(np.load(factors)), Path(folder))
        faust.Worker(app, loglevel="warning").execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:])
