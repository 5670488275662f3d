"""A plain Faust worker, as its documentation teaches: one agent, one table, at least once.

It keeps, for each user, the videos that they played and a list of best videos, in one row as large as a worker's of
Nearline. Nothing protects it from repeats, which is allowed: it promises each event once *or more*.

Run as a process: ``python -m tests.system.plain.plain_worker APP_ID BOOTSTRAP TOPIC PARTITIONS FOLDER``. It appends a
line "partition offset" to ``FOLDER/applied`` for each event as it is applied; what was written there outlives kill -9.
"""

import os
import sys
from pathlib import Path
from typing import TypedDict

import faust
from faust.types import StreamT

TABLE = "users"
ROW_BYTES = 3_000


class User(TypedDict):
    """A row: videos in the order of their events, and what fills the row up."""

    played: list[str]
    best: str


class MemberEvent(faust.Record, serializer="json"):
    """An event, as far as it is needed."""

    user_id: str
    video_id: str


def make_app(app_id: str, bootstrap: str, topic: str, partitions: int, folder: Path) -> faust.App:
    """Return the app."""
    app = faust.App(
        app_id,
        broker=f"kafka://{bootstrap}",
        store="rocksdb://",
        datadir=folder,
        topic_partitions=partitions,
        consumer_auto_offset_reset="earliest",
        processing_guarantee="at_least_once",
        web_enabled=False,
    )
    events = app.topic(topic, key_type=bytes, key_serializer="raw", value_type=MemberEvent)
    users = app.Table(TABLE, default=lambda: User(played=[], best=""), partitions=partitions)
    applied = os.open(folder / "applied", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    @app.agent(events)
    async def apply(stream: StreamT[MemberEvent]) -> None:
        async for event in stream.events():
            played = [*users[event.value.user_id]["played"], event.value.video_id]
            filling = "x" * (ROW_BYTES - sum(map(len, played)))
            users[event.value.user_id] = User(played=played, best=filling)
            os.write(applied, b"%d %d\n" % (event.message.partition, event.message.offset))

    return app


def main(app_id: str, bootstrap: str, topic: str, partitions: str, folder: str) -> None:
    """Run until SIGTERM."""
    app = make_app(app_id, bootstrap, topic, int(partitions), Path(folder))
    faust.Worker(app, loglevel="warning").execute_from_commandline()


if __name__ == "__main__":
    main(*sys.argv[1:])
