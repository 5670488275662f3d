"""After the scenario: the page and the commands, until Ctrl-C."""

import shlex
import time
from datetime import UTC, datetime

from deploy.demonstration.deployment import Deployment
from deploy.demonstration.processes import Workers
from deploy.demonstration.terminal import Terminal
from models.feedback.events import Rate, encode_event

_CHECK_SECONDS = 0.5


def serve(deployment: Deployment, workers: Workers, user_id: str, video_id: str, terminal: Terminal) -> None:
    """Say what can be tried, and wait until Ctrl-C or until a worker ends.

    Raises
    ------
    DemonstrationFailed
        If a worker ended.
    """
    url = workers.urls[0]
    terminal.heading(f"Look at {url}/ui/ - it all runs until Ctrl-C")
    terminal.line("In another terminal:")
    for command in examples(deployment, url, user_id, video_id):
        terminal.command(command)
    try:
        while True:
            workers.check()
            time.sleep(_CHECK_SECONDS)
    except KeyboardInterrupt:
        terminal.heading("Stopping")


def examples(deployment: Deployment, url: str, user_id: str, video_id: str) -> list[str]:
    """Return commands that can be copied as they are, run in the checkout."""
    now = datetime.now(UTC).replace(microsecond=0)
    event = encode_event(Rate(event_id="by-hand-1", user_id=user_id, video_id=video_id, ts=now, rating=5.0)).decode()
    return [
        *(f"export {name}={shlex.quote(value)}" for name, value in deployment.variables.items()),
        f".venv/bin/nearline query {user_id} --url {url} --limit 5",
        f"echo {shlex.quote(event)} | .venv/bin/nearline events send -",
        f"curl -s '{url}/v1/users/{user_id}'",
        ".venv/bin/nearline models",
        ".venv/bin/nearline dlq list",
    ]
