"""After the story: the page and the commands, until Ctrl-C."""

import shlex
import time
from datetime import UTC, datetime

from deploy.demonstration.processes import Workers
from deploy.demonstration.screen import Screen
from deploy.demonstration.stage import Stage
from models.feedback.events import Rate, encode_event

_CHECK_SECONDS = 0.5


def serve(stage: Stage, workers: Workers, user_id: str, video_id: str, screen: Screen) -> None:
    """Say what can be tried, and wait until Ctrl-C or until a worker ends.

    Raises
    ------
    DemonstrationFailed
        If a worker ended.
    """
    url = workers.urls[0]
    screen.heading(f"Look at {url}/ui/ - it all runs until Ctrl-C")
    screen.line("In another terminal:")
    for command in examples(stage, url, user_id, video_id):
        screen.command(command)
    try:
        while True:
            workers.check()
            time.sleep(_CHECK_SECONDS)
    except KeyboardInterrupt:
        screen.heading("Stopping")


def examples(stage: Stage, url: str, user_id: str, video_id: str) -> list[str]:
    """Return commands that can be copied as they are, run in the checkout."""
    now = datetime.now(UTC).replace(microsecond=0)
    event = encode_event(Rate(event_id="by-hand-1", user_id=user_id, video_id=video_id, ts=now, rating=5.0)).decode()
    return [
        *(f"export {name}={shlex.quote(value)}" for name, value in stage.variables.items()),
        f".venv/bin/nearline query {user_id} --url {url} --limit 5",
        f"echo {shlex.quote(event)} | .venv/bin/nearline events send -",
        f"curl -s '{url}/v1/users/{user_id}'",
        ".venv/bin/nearline models",
        ".venv/bin/nearline dlq list",
    ]
