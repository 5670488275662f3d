"""``nearline publish``, ``rollback`` and ``models``: which version serves."""

import asyncio
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.context import JsonOption, RegionOption, quiet_settings
from app.cli.output import show_json, show_line, show_rows
from models.names import GLOBAL_REGION

if TYPE_CHECKING:
    from app.publishing.publish import Publisher
    from models.rollout.announcement import Announcement


def publish(
    context: typer.Context,
    version: Annotated[str, typer.Argument(help="A version in the model store, as `nearline train` printed it.")],
    region: RegionOption = GLOBAL_REGION,
    untried: Annotated[
        bool, typer.Option("--untried", help="Serve it without the canary on real users that comes before.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Check VERSION to the last byte and announce it: workers fetch it, try it and serve it.

    A version that is active already is left alone. One that is older than the active one is refused: see rollback.
    """
    announcement, changed = asyncio.run(_publisher(context).publish(region, version, canary=not untried))
    _show(announcement, changed=changed, json=json)


def rollback(
    context: typer.Context,
    region: RegionOption = GLOBAL_REGION,
    to: Annotated[str | None, typer.Option(help="The version to serve; by default the one before.")] = None,
    json: JsonOption = False,
) -> None:
    """Announce an older version again; a second rollback without --to undoes the first.

    What was announced before is served without a canary.
    """
    announcement, changed = asyncio.run(_publisher(context).roll_back(region, to))
    _show(announcement, changed=changed, json=json)


def models(context: typer.Context, json: JsonOption = False) -> None:
    """List the versions in the store, each read in full, and what is announced of them."""
    from app.publishing.versions import list_versions

    listed = asyncio.run(list_versions(_publisher(context)))
    if json:
        show_json([asdict(one) for one in listed])
    else:
        headings = ("region", "version", "state", "sequence", "reason")
        show_rows(headings, [(one.region, one.version, one.state, one.sequence, one.reason) for one in listed])


def _publisher(context: typer.Context) -> "Publisher":
    from app.publishing.activation import publisher_of

    return publisher_of(quiet_settings(context).settings)


def _show(announcement: "Announcement", *, changed: bool, json: bool) -> None:
    if json:
        show_json(
            {
                "region": announcement.region,
                "version": announcement.version,
                "sequence": announcement.sequence,
                "changed": changed,
            }
        )
    else:
        state = "announced" if changed else "was announced already"
        show_line(f"{announcement.location} {state}, sequence {announcement.sequence}")
