"""``nearline state erase``: a user is removed, and what is left of them where, and for how long, is said."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.context import JsonOption, quiet_settings
from app.cli.output import show_json, show_line, show_rows
from app.cli.worker_client import ask_worker

if TYPE_CHECKING:
    from app.settings.settings import Settings

_TIMEOUT_SECONDS = 20.0
_DAY_MS = 24 * 3_600_000


def erase(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="The user's id.")],
    url: Annotated[str, typer.Option(help="Any worker.")] = "http://127.0.0.1:8080",
    json: JsonOption = False,
) -> None:
    """Remove everything that the workers keep of USER: history, event ids, list.

    With the first of the keys in the settings (http.admin_keys), if any. An event of theirs that is applied afterwards
    begins a new history, also one that waits in the topic still and one that a producer repeats: stop those first. It
    may be asked again at any time.
    """
    settings = quiet_settings(context).settings
    keys = [key.get_secret_value() for key in settings.http.admin_keys]
    asyncio.run(ask_worker("DELETE", url, ("v1", "users", user), keys[0] if keys else None, _TIMEOUT_SECONDS))
    left = list(_left(settings))
    if json:
        show_json({"user_id": user, "left": [dict(zip(("where", "what", "until"), row, strict=True)) for row in left]})
        return
    show_line(f"{user} is erased; with the settings that `nearline topics create` gives, this is left:")
    show_rows(("where", "what", "until"), left)


def _left(settings: "Settings") -> Iterator[tuple[str, str, str]]:
    """Yield where something of the user is left, what it is, and until when, as the topics are made here."""
    from agents.kafka.topics import topic_specs
    from app.settings.topics import topic_names

    names = topic_names(settings)
    configured = {spec.name: spec.config for spec in topic_specs(names, settings.topics.partitions)}
    for topic, what in ((names.member_events, "events as sent"), (names.dead_letters, "rejected events")):
        days = int(configured[topic]["retention.ms"]) // _DAY_MS
        yield topic, what, f"{days} days after they were sent (retention.ms)"
    longest = int(configured[names.users_changelog]["max.compaction.lag.ms"]) // _DAY_MS
    yield (
        names.users_changelog,
        "older rows, which no worker reads any more",
        f"it is compacted, {longest} days from now at most (max.compaction.lag.ms), if its partition is written",
    )
    yield names.users_changelog, "the tombstone, with the user's id", "a day after that (delete.retention.ms)"
    yield "workers' and standbys' disks", "blocks of older rows", "RocksDB merges their files"
    yield "checkpoints and folders set aside", "the row as it was", "somebody deletes them"
    yield names.popularity, "counts of videos, which name nobody", "they are older than the window"
