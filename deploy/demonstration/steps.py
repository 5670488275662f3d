"""The acts of the demonstration: each does one thing with the parts and shows it."""

import asyncio
import time
from datetime import UTC, datetime

from app.kafka_clients import producer_of
from app.offline.data.histories import Population
from app.operations.dead_letters import read_letters
from app.publishing.model_fetch import artifact_limits
from app.publishing.model_store import ModelStore
from deploy.data import Dataset
from deploy.demonstration.deployment import Deployment
from deploy.demonstration.feed import Feed, lines_of, no_events, send_catalogue
from deploy.demonstration.latency import watch_event, watch_events
from deploy.demonstration.parity import Parity, compare
from deploy.demonstration.person import LIMIT, show_change, shown
from deploy.demonstration.processes import Workers, run_nearline
from deploy.demonstration.replay import Replayed, replay, wait_until_ready
from deploy.demonstration.terminal import Terminal
from deploy.demonstration.view import open_view
from models.artifacts.artifact import read_artifact
from models.factorization.factor_model import FactorModel
from models.feedback.events import Rate
from models.names import GLOBAL_REGION


def fill_topics(deployment: Deployment, dataset: Dataset, terminal: Terminal) -> None:
    """Make the topics and send the catalogue."""
    terminal.command("nearline topics create")
    created = run_nearline("topics", "create")["created"]
    titles = asyncio.run(send_catalogue(deployment.connection, deployment.topics.catalogue, dataset))
    terminal.line(f"{len(created)} topics, {titles:,} titles in {deployment.topics.catalogue}.")


def train_and_publish(deployment: Deployment, feed: Feed, terminal: Terminal) -> FactorModel:
    """Train on the past with the command line, publish, and return the model as workers read it."""
    past = deployment.folder / "past.jsonl"
    past.write_bytes(b"".join(line + b"\n" for line in lines_of(feed.past)))
    terminal.command(f"nearline train --events {past.name}")
    trained = run_nearline("train", "--events", str(past))
    version = trained["version"]
    terminal.command(f"nearline publish {version}")
    run_nearline("publish", version)
    model = read_artifact(
        ModelStore(deployment.settings.store),
        GLOBAL_REGION,
        version,
        digest=None,
        limits=artifact_limits(deployment.settings),
    )
    terminal.line(
        f"Learned from {trained['events']:,} events in {trained['seconds']:.1f} s: "
        f"{model.n_videos:,} videos with {model.factors.shape[1]} factors."
    )
    return model


def await_workers(workers: Workers, terminal: Terminal) -> None:
    """Wait until the workers are ready and share the partitions."""
    started = time.monotonic()

    async def wait() -> None:
        async with open_view(workers.urls) as view:
            await wait_until_ready(view, workers.check)

    asyncio.run(wait())
    terminal.line(f"Ready after {time.monotonic() - started:.1f} s: {', '.join(workers.urls)}.")


async def replay_all(deployment: Deployment, feed: Feed, workers: Workers, terminal: Terminal) -> Replayed:
    """Replay the past, then what came later with a few records that are no events; return both together."""
    bad = no_events(datetime.now(UTC))
    async with open_view(workers.urls) as view:
        with terminal.progress("the past", len(feed.past)) as update:
            past = await replay(deployment, view, lines_of(feed.past), update, workers.check)
        later = feed.replayed
        with terminal.progress("what came later", len(later) + len(bad)) as update:
            rest = await replay(deployment, view, lines_of(later, bad), update, workers.check)
    terminal.line(f"{past.per_second:,.0f} events a second, then {rest.per_second:,.0f}.")
    return Replayed(past.sent + rest.sent, past.seconds + rest.seconds, rest.counts)


async def show_letters(deployment: Deployment, terminal: Terminal) -> None:
    """Show what was rejected, and why."""
    letters = await read_letters(deployment.connection, deployment.topics.dead_letters, LIMIT)
    terminal.line(
        f"{len(letters)} records were no events; they are in {deployment.topics.dead_letters}, byte for byte:"
    )
    terminal.table(("reason", "what was wrong"), [(letter.reason, letter.message) for letter in letters])


async def show_person(
    deployment: Deployment, event: Rate, titles: dict[str, str], workers: Workers, terminal: Terminal
) -> float:
    """Show a person's list before and after an event, asked of a worker that does not keep them.

    Returns
    -------
    float
        Milliseconds until the event was to be seen.
    """
    async with open_view(workers.urls) as view:
        owner = await view.owner(event.user_id)
        url = next((url for url in view.urls if url != owner), owner)
        before = shown(await view.recommendations(url, event.user_id, LIMIT))
        async with producer_of(deployment.connection) as producer:
            waited = await watch_event(producer, deployment.topics.member_events, view, event)
        after = shown(await view.recommendations(url, event.user_id, LIMIT))
    terminal.line(f"{event.user_id} gives {event.rating:g} stars to {titles[event.video_id]}; {waited:.0f} ms later:")
    show_change(terminal, before, after)
    terminal.line(f"Both lists come from {url}; {event.user_id} is kept by {owner}.")
    return waited


async def measure_latency(
    deployment: Deployment, events: list[Rate], workers: Workers, terminal: Terminal
) -> list[float]:
    """Send events one by one and return how long each took to be seen, in milliseconds."""
    async with open_view(workers.urls) as view:
        with terminal.progress("events one by one", len(events)) as update:
            return await watch_events(deployment, view, events, update)


async def check_parity(model: FactorModel, population: Population, workers: Workers, terminal: Terminal) -> Parity:
    """Compare workers' lists with those computed here."""
    async with open_view(workers.urls) as view:
        parity = await compare(view, model, population)
    terminal.line(
        f"{parity.users - len(parity.mismatches)} of {parity.users} people's lists are, video by video, "
        "those that the same code computes here from the same events."
    )
    for user in parity.mismatches[:LIMIT]:
        terminal.line(f"{user}'s list differs", style="bold red")
    return parity
