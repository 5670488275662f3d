"""``nearline workers``: who is in the group, and how one that has stopped leaves it at once."""

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.context import JsonOption, quiet_settings
from app.cli.output import show_json, show_line, show_rows

if TYPE_CHECKING:
    from agents.kafka.group import Member

verbs = typer.Typer(no_args_is_help=True, help="The workers of the group.")

_SECONDS = 10.0


@verbs.command("list")
def list_workers(context: typer.Context, json: JsonOption = False) -> None:
    """List the workers: id, address, partitions, whether each answers. During a rebalance no partitions are known."""
    from agents.kafka.group import open_group
    from app.settings.topics import connection_of, topic_names
    from app.worker.membership import answers

    settings = quiet_settings(context).settings

    async def ask() -> "tuple[str, list[tuple[Member, bool]]]":
        async with open_group(connection_of(settings), settings.app_id, _SECONDS) as group:
            state = await group.describe()
        workers = sorted((member for member in state.members if member.url), key=lambda member: member.name)
        alive = await asyncio.gather(*(answers(member.url) for member in workers))
        return state.state, list(zip(workers, alive, strict=True))

    state, found = asyncio.run(ask())
    membership = topic_names(settings).membership
    described = [_described(member, alive, settings.app_id, membership) for member, alive in found]
    if json:
        show_json({"group": settings.app_id, "state": state, "workers": described})
    else:
        headings = ("id", "url", "partitions", "alive", "kept over a restart")
        show_rows(headings, [_row(one) for one in described])


@verbs.command()
def remove(
    context: typer.Context,
    id: Annotated[str, typer.Argument(help="The worker's id (worker.id).")],  # noqa: A002
    json: JsonOption = False,
) -> None:
    """Remove a worker that has stopped for good, so that its partitions move now.

    Without this they wait until its session ends, for it may only be starting again.
    """
    from agents.kafka.group import open_group
    from app.errors import JobFailed
    from app.settings.topics import connection_of
    from app.worker.membership import PlaceTaken, remove_worker

    settings = quiet_settings(context).settings

    async def run() -> "Member | None":
        async with open_group(connection_of(settings), settings.app_id, _SECONDS) as group:
            return await remove_worker(group, f"{settings.app_id}-{id}")

    try:
        removed = asyncio.run(run())
    except PlaceTaken as error:
        raise JobFailed(str(error)) from error
    if removed is None:
        raise JobFailed(f"the group {settings.app_id} has no worker {id}; `nearline workers list` shows who is in it")
    if json:
        show_json({"removed": id, "url": removed.url})
    else:
        show_line(f"{id} at {removed.url}: removed")


def _described(member: "Member", alive: bool, app_id: str, membership: str) -> dict[str, Any]:
    return {
        "id": member.name.removeprefix(f"{app_id}-"),
        "url": member.url,
        "partitions": member.partitions.get(membership, []),
        "alive": alive,
        "static": member.instance_id is not None,
    }


def _row(worker: dict[str, Any]) -> tuple[object, ...]:
    partitions = " ".join(map(str, worker["partitions"]))
    return worker["id"], worker["url"], partitions, *("yes" if worker[what] else "no" for what in ("alive", "static"))
