"""``nearline worker``: one process of the service."""

from pathlib import Path
from typing import Annotated

import typer

from app.cli.context import effective_settings


def worker(
    context: typer.Context,
    id: Annotated[str | None, typer.Option(help="Name among the workers (worker.id).")] = None,  # noqa: A002
    http_port: Annotated[int | None, typer.Option(help="Port of the query view (http.port).")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of its tables (data_dir).", file_okay=False)] = None,
) -> None:
    """Run a worker until a signal; each needs a name, a port and a folder of its own."""
    effective = effective_settings(context, {"worker.id": id, "http.port": http_port, "data_dir": data_dir})
    from app.logs import configure_logging
    from app.worker.worker import run_worker

    configure_logging(effective.settings.log, effective.secrets())
    raise typer.Exit(run_worker(effective.settings))
