"""The command ``nearline``: its verbs, each from its module."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli import (
    compare,
    config,
    dlq,
    events,
    handover,
    models,
    query,
    schedule,
    state,
    topics,
    train,
    worker,
    workers,
)
from app.cli.context import GlobalOptions, Verbs

cli = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Recommendations that follow what people do, as they do it. Settings: `nearline config show`.",
)


@cli.callback()
def _options(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with settings; NEARLINE_CONFIG names one, too.", dir_okay=False)
    ] = None,
) -> None:
    context.obj = GlobalOptions(config)


cli.add_typer(topics.verbs, name="topics")
cli.add_typer(events.verbs, name="events")
cli.add_typer(dlq.verbs, name="dlq")
cli.add_typer(config.verbs, name="config")
cli.add_typer(state.verbs, name="state")
cli.command("worker")(worker.worker)
cli.add_typer(workers.verbs, name="workers")
cli.command("train")(train.train)
cli.command("compare")(compare.compare)
cli.command("schedule")(schedule.schedule)
cli.command("publish")(models.publish)
cli.command("rollback")(models.rollback)
cli.command("models")(models.models)
cli.command("query")(query.query)
cli.command("broker", **handover.PASS_ALL)(handover.broker)
cli.command("demo", **handover.PASS_ALL)(handover.demo)
