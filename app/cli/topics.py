"""``nearline topics``: making the topics and checking them."""

import asyncio

import typer

from app.cli.context import JsonOption, quiet_settings
from app.cli.output import show_json, show_line

verbs = typer.Typer(no_args_is_help=True, help="The Kafka topics.")


@verbs.command()
def create(context: typer.Context, json: JsonOption = False) -> None:
    """Make the topics that do not exist and check all; status 78 if one is not what the settings say."""
    from agents.kafka.topics import create_topics
    from app.settings.topics import connection_of, specs_of

    settings = quiet_settings(context).settings
    specs = specs_of(settings)
    created = asyncio.run(create_topics(connection_of(settings), specs, settings.kafka.replication))
    if json:
        show_json({"created": created, "existing": [spec.name for spec in specs if spec.name not in created]})
    else:
        for spec in specs:
            state = "created" if spec.name in created else "exists"
            show_line(f"{spec.name}: {state}, {spec.partitions} partitions, {spec.cleanup_policy}")


@verbs.command()
def check(context: typer.Context, json: JsonOption = False) -> None:
    """Check that all topics are what the settings say; 78 with both numbers if not, a warning of what is risky.

    The last records of the member events, 100 of each partition, are looked at, too: status 1 if their producers put
    any user elsewhere than murmur2 of the id does.
    """
    from agents.kafka.partitions import PARTITIONER_ADVICE
    from agents.kafka.topic_checks import warnings
    from agents.kafka.topics import check_topics
    from app.operations.partitioner_check import sample_partitioner
    from app.settings.topics import connection_of, specs_of

    settings = quiet_settings(context).settings
    specs, connection, topics = specs_of(settings), connection_of(settings), settings.topics
    said = warnings(specs, asyncio.run(check_topics(connection, specs)))
    sample = asyncio.run(sample_partitioner(connection, topics.member_events, topics.partitions))
    strangers = sample.misplaced.total()
    if json:
        found = {"events": sample.events, "misplaced": strangers, "partitions": sorted(sample.misplaced)}
        checked: dict[str, object] = {"checked": [spec.name for spec in specs], "partitioner": found}
        show_json(checked | ({"warnings": said} if said else {}))
    else:
        for warning in said:
            show_line(f"warning: {warning}")
        show_line(f"{len(specs)} topics are what the settings say")
        if strangers:
            show_line(
                f"{topics.member_events}: {strangers} of the last {sample.events} events lie where murmur2 of the key "
                f"would not have put them, in {len(sample.misplaced)} partitions; {PARTITIONER_ADVICE}"
            )
    if strangers:
        raise typer.Exit(1)
