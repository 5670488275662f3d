"""``nearline query``: what a running worker recommends."""

import asyncio
from typing import Annotated

import typer

from app.cli.context import JsonOption, quiet_settings
from app.cli.output import show_json, show_line, show_rows
from app.cli.worker_client import ask_worker

_TIMEOUT_SECONDS = 10.0


def query(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="The user's id.")],
    url: Annotated[str, typer.Option(help="Any worker.")] = "http://127.0.0.1:8080",
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many videos.")] = 20,
    json: JsonOption = False,
) -> None:
    """Ask a worker for USER's recommendations, with the first of the keys in the settings (http.read_keys), if any."""
    http = quiet_settings(context).settings.http
    keys = [key.get_secret_value() for key in (*http.read_keys, *http.admin_keys)]
    path, key = ("v1", "users", user, "recommendations"), keys[0] if keys else None
    answer = asyncio.run(ask_worker("GET", url, path, key, _TIMEOUT_SECONDS, params={"limit": limit}))
    if json:
        show_json(answer)
        return
    stale = ", stale" if answer.get("stale") else ""
    elsewhere = f", kept elsewhere: {answer['kept_elsewhere']}" if "kept_elsewhere" in answer else ""
    show_line(f"{user}: {answer.get('source')}{stale}{elsewhere}, model {answer.get('model_version') or 'none'}")
    rows = [
        (place, item.get("title") or item["video_id"], item["video_id"], f"{item['score']:.4f}")
        for place, item in enumerate(answer["items"], start=1)
    ]
    show_rows(("", "title", "video", "score"), rows)
