"""``nearline state erase``: a user is removed, and what is left of them where, and for how long, is said."""

import asyncio
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.context import JsonOption, quiet_settings
from app.cli.failures import EXIT_NOT_YET
from app.cli.output import show_json, show_line, show_rows
from app.cli.worker_client import ask_worker

if TYPE_CHECKING:
    from app.settings.settings import Settings

_TIMEOUT_SECONDS = 25.0
"""A worker waits at most 20 s itself before it answers."""
_WAIT_SECONDS = 20.0
_PAUSE_SECONDS = 0.5
_DAY_MS = 24 * 3_600_000


def erase(
    context: typer.Context,
    user: Annotated[str, typer.Argument(help="The user's id.")],
    url: Annotated[str, typer.Option(help="Any worker.")] = "http://127.0.0.1:8080",
    json: JsonOption = False,
) -> None:
    """Remove everything that the workers keep of USER: history, event ids, list; in every partition.

    With the first of the keys in the settings (http.admin_keys), if any. An event of theirs that is sent afterwards
    begins a new history, also one that a producer repeats: stop those first. It may be asked again at any time. Status
    4 when it was sent, but not every partition's owner has applied it in time: a worker tells where to ask.
    """
    settings = quiet_settings(context).settings
    keys = [key.get_secret_value() for key in settings.http.admin_keys]
    erased = asyncio.run(_erase(user, url, keys[0] if keys else None))
    left = list(_left(settings))
    if json:
        told = [dict(zip(("where", "what", "until"), row, strict=True)) for row in left]
        show_json({**erased, "status_path": _place(erased), "left": told})
    else:
        _show(user, erased, left)
    if not erased["applied"]:
        raise typer.Exit(EXIT_NOT_YET)


async def _erase(user: str, url: str, key: str | None) -> dict[str, Any]:
    """Send the erasure, and ask until it is applied everywhere, or until that takes too long."""
    erased = await ask_worker("DELETE", url, ("v1", "users", user), key, _TIMEOUT_SECONDS)
    try:
        async with asyncio.timeout(_WAIT_SECONDS):
            while not erased["applied"]:
                await asyncio.sleep(_PAUSE_SECONDS)
                path = ("v1", "erasures", erased["erasure_id"])
                erased = await ask_worker("GET", url, path, key, _TIMEOUT_SECONDS)
    except TimeoutError:
        pass
    return erased


def _show(user: str, erased: dict[str, Any], left: Sequence[tuple[str, str, str]]) -> None:
    partitions = erased["partitions"]
    waiting = [one["partition"] for one in partitions if not one["applied"]]
    removed = [one["partition"] for one in partitions if one["removed"]]
    unknown = [one["partition"] for one in partitions if one["applied"] and one["removed"] is None]
    if waiting:
        show_line(f"{user}: sent, but not applied yet in partitions {_numbers(waiting)}; ask at {_place(erased)}")
    else:
        show_line(f"{user} is erased in all {len(partitions)} partitions")
    show_line(f"something was removed in partitions {_numbers(removed)}")
    if unknown:
        show_line(f"whether anything was removed in partitions {_numbers(unknown)} is not known")
    show_line("with the settings that `nearline topics create` gives, this is left:")
    show_rows(("where", "what", "until"), left)


def _place(erased: dict[str, Any]) -> str:
    return f"/v1/erasures/{erased['erasure_id']}"


def _numbers(partitions: Sequence[int]) -> str:
    return ", ".join(map(str, partitions)) or "none"


def _left(settings: "Settings") -> Iterator[tuple[str, str, str]]:
    """Yield where something of the user is left, what it is, and until when, as the topics are made here."""
    from agents.kafka.topics import topic_specs
    from app.settings.topics import topic_names

    names = topic_names(settings)
    configured = {spec.name: spec.config for spec in topic_specs(names, settings.topics.partitions)}
    sent = ((names.member_events, "events as sent, and the erasure with the user's id"),)

    def days(topic: str, setting: str) -> int:
        return int(configured[topic][setting]) // _DAY_MS

    for topic, what in (*sent, (names.dead_letters, "rejected events")):
        yield topic, what, f"{days(topic, 'retention.ms')} days after they were sent (retention.ms)"
    compacted = days(names.users_changelog, "max.compaction.lag.ms")
    yield (
        names.users_changelog,
        "older rows, which no worker reads any more",
        f"it is compacted, {compacted} days from now at most (max.compaction.lag.ms), if its partition is written",
    )
    kept = days(names.users_changelog, "delete.retention.ms")
    yield names.users_changelog, "tombstones, with the user's id", f"{kept} days after that (delete.retention.ms)"
    yield "workers' and standbys' disks", "blocks of older rows", "RocksDB merges their files"
    yield "checkpoints and folders set aside", "the row as it was", "somebody deletes them"
    yield names.popularity, "counts of videos, which name nobody", "they are older than the window"
