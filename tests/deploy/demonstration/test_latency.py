from typing import Any

import pytest

from deploy.data import Rating
from deploy.demonstration.feed import event_of
from deploy.demonstration.latency import percentile, watch_event, written_since

EVENT = event_of(Rating(1_000, "u1", "v1", 4.0), "movielens")


@pytest.mark.parametrize(("share", "value"), [(0.0, 1.0), (0.5, 50.0), (0.501, 51.0), (0.99, 99.0), (1.0, 100.0)])
def test_percentile_is_the_nearest_rank(share: float, value: float) -> None:
    assert percentile([float(at) for at in range(100, 0, -1)], share) == value


def test_percentile_of_one_value_is_that_value() -> None:
    assert percentile([7.0], 0.01) == percentile([7.0], 0.99) == 7.0


def test_written_since_compares_milliseconds() -> None:
    as_of = "2026-11-23T10:00:00.123000Z"
    at = 1_795_428_000_123
    assert [written_since(as_of, at + ms) for ms in (-1, 0, 1)] == [True, True, False]
    assert not written_since(None, 0)


class Producer:
    def __init__(self) -> None:
        self.sent: list[tuple[str, bytes]] = []

    async def send_and_wait(self, topic: str, value: bytes, key: bytes) -> None:
        self.sent.append((topic, key))


class SlowView:
    """Its workers know of the event from the fourth answer on."""

    urls = ("http://one", "http://two")

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def recommendations(self, url: str, user_id: str, limit: int) -> dict[str, Any]:
        self.asked.append(url)
        late = "2100-01-01T00:00:00Z" if len(self.asked) > 3 else "2000-01-01T00:00:00Z"
        return {"as_of": None if len(self.asked) == 1 else late}


async def test_an_event_is_watched_at_all_workers_in_turn_until_it_shows() -> None:
    producer, view = Producer(), SlowView()
    assert await watch_event(producer, "member-events", view, EVENT) > 0  # type: ignore[arg-type]
    assert producer.sent == [("member-events", b"u1")]
    assert view.asked == ["http://one", "http://two", "http://one", "http://two"]
