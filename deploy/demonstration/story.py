"""What happens while the workers run, in order, and what it comes to."""

import asyncio
from dataclasses import dataclass
from typing import Any

from app.offline.data.histories import Population
from deploy.data import Dataset
from deploy.demonstration import acts, quality
from deploy.demonstration.feed import Feed
from deploy.demonstration.latency import percentile
from deploy.demonstration.parity import Parity
from deploy.demonstration.person import choose_event
from deploy.demonstration.processes import Workers
from deploy.demonstration.replay import Replayed
from deploy.demonstration.screen import Screen
from deploy.demonstration.stage import Stage
from deploy.demonstration.view import Counts, open_view
from models.factorization.factor_model import FactorModel
from models.feedback.events import Rate


@dataclass(frozen=True, slots=True)
class Story:
    """What was measured.

    Attributes
    ----------
    replayed : of the two replays.
    visible_ms : for each event that was sent alone, how long it took to be seen.
    counts : of all workers, in the end.
    parity, answers : of `parity.compare` and `app.offline.training.evaluate`.
    """

    replayed: Replayed
    visible_ms: list[float]
    counts: Counts
    parity: Parity
    answers: dict[str, Any]


def tell(stage: Stage, workers: Workers, model: FactorModel, dataset: Dataset, feed: Feed, screen: Screen) -> Story:
    """Play every act that needs workers."""
    acts.await_workers(workers, screen)
    screen.heading("Every rating through Kafka, as fast as it takes them")
    replayed = asyncio.run(acts.replay_all(stage, feed, workers, screen))
    asyncio.run(acts.show_letters(stage, screen))
    past = Population(stage.settings.users.history_limit).add(feed.past)
    now = Population(past.history_limit, dict(past.histories)).add(feed.replayed)
    visible = _one_by_one(stage, workers, model, dataset, feed, now, screen)
    screen.heading("Offline = nearline")
    parity = asyncio.run(acts.check_parity(model, now.add(feed.held), workers, screen))
    screen.heading("Who finds what people liked next")
    with screen.progress("asking the rankings", len(feed.later)) as update:
        answers = quality.measure(model, past, feed.later, update)
    quality.show_table(screen, answers)
    return Story(replayed, visible, asyncio.run(_counts(workers)), parity, answers)


def _one_by_one(
    stage: Stage,
    workers: Workers,
    model: FactorModel,
    dataset: Dataset,
    feed: Feed,
    now: Population,
    screen: Screen,
) -> list[float]:
    """Send the events that were held back, a telling one first."""
    visible: list[float] = []
    held: list[Rate] = list(feed.held)
    chosen = choose_event(model, now, held)
    if chosen is not None:
        held.remove(chosen)
        titles = {entry.video_id: entry.title for entry in dataset.catalogue}
        screen.heading("One person, before and after")
        visible.append(asyncio.run(acts.show_person(stage, chosen, titles, workers, screen)))
    screen.heading(f"How soon does an event show? {len(held)} more, of as many people, one by one")
    visible += asyncio.run(acts.measure_latency(stage, held, workers, screen))
    screen.line(
        f"From Kafka's acknowledgement to the list of any worker: {percentile(visible, 0.5):.0f} ms (median), "
        f"{percentile(visible, 0.99):.0f} ms (99 of 100), {max(visible):.0f} ms (the slowest)."
    )
    return visible


async def _counts(workers: Workers) -> Counts:
    async with open_view(workers.urls) as view:
        return await view.counts()
