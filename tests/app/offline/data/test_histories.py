from collections import Counter
from datetime import timedelta

import pytest

from app.offline.data import histories
from app.offline.data.histories import Population
from models.feedback.events import Play
from models.feedback.history import EMPTY_HISTORY
from models.feedback.popularity import GLOBAL_REGION
from tests.support.tastes import START, two_tastes

EVENTS = list(two_tastes())


def play(user: str, video: str, region: str | None = None, minute: int = 0) -> Play:
    ts = START + timedelta(minutes=minute)
    return Play(
        event_id=f"{user}{video}{minute}", user_id=user, video_id=video, ts=ts, region=region, seconds_watched=60.0
    )


@pytest.mark.parametrize("batch", [1, 7, 1000])
def test_histories_are_what_applying_all_gives(monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    monkeypatch.setattr(histories, "_BATCH", batch)
    population = Population(5).add(reversed(EVENTS))
    for user in {event.user_id for event in EVENTS}:
        own = [event for event in EVENTS if event.user_id == user]
        assert population.histories[user] == EMPTY_HISTORY.apply(own, 5)
    assert population.events == len(EVENTS)
    assert (population.first, population.last) == (EVENTS[0].ts, EVENTS[-1].ts)


def test_adding_in_parts_is_adding_all() -> None:
    whole, parts = Population(5).add(EVENTS), Population(5).add(EVENTS[:20]).add(EVENTS[20:])
    assert whole.histories == parts.histories
    assert (whole.events, whole.first, whole.last) == (parts.events, parts.first, parts.last)


def test_popularity_counts_each_like() -> None:
    population = Population(5).add(EVENTS)
    expected = Counter(event.video_id for event in EVENTS)
    assert dict(population.popularity.top(None, None, 100, 0)) == expected


def test_a_region_has_the_users_who_named_it_last() -> None:
    events = [play("a", "v", "fr"), play("b", "v", "fr"), play("b", "w", "us", minute=1), play("c", "v")]
    population = Population(5).add(events)
    assert population.of_region("fr").keys() == {"a"}
    assert population.of_region("us").keys() == {"b"}
    assert population.of_region(None).keys() == {"a", "b", "c"}


def test_the_global_model_is_for_everybody() -> None:
    population = Population(5).add([play("a", "v", "fr"), play("b", "v")])
    assert population.of_model(GLOBAL_REGION).keys() == {"a", "b"}
    assert population.of_model("fr").keys() == {"a"}
