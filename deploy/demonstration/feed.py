"""What goes into Kafka: ratings as member events, titles as the catalogue, and a few records that are no events."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from agents.catalogue import CatalogueEntry
from agents.kafka.connection import Connection
from app.kafka_clients import producer_of
from deploy.data import Dataset, Rating
from models.feedback.events import MAX_EVENT_BYTES, Rate, encode_event

PAST = 0.8
HELD_BACK = 100


def event_of(rating: Rating, dataset: str) -> Rate:
    """Return a rating as an event; its id follows from the rating, so that a second run sends the same."""
    return Rate(
        event_id=f"{dataset}-{rating.user_id}-{rating.video_id}-{rating.ts}",
        user_id=rating.user_id,
        video_id=rating.video_id,
        ts=datetime.fromtimestamp(rating.ts, UTC),
        rating=rating.rating,
    )


@dataclass(frozen=True, slots=True)
class Feed:
    """The events, each part in time order.

    Attributes
    ----------
    past : list of Rate
        The first 80 %: what the model is trained on.
    later : list of Rate
        All the others.
    held : list of Rate
        Of `later`, the last event of some users: sent one by one in the end, to see each arrive.
    """

    past: list[Rate]
    later: list[Rate]
    held: list[Rate]

    @classmethod
    def of(cls, dataset: Dataset) -> "Feed":
        """Cut a set of ratings."""
        past, later = ([event_of(rating, dataset.name) for rating in part] for part in dataset.split(PAST))
        return cls(past, later, _last_of_each_user(later, HELD_BACK))

    @property
    def replayed(self) -> list[Rate]:
        """`later` without `held`."""
        held = {event.event_id for event in self.held}
        return [event for event in self.later if event.event_id not in held]

    @property
    def users(self) -> int:
        """How many people there are."""
        return len({event.user_id for event in (*self.past, *self.later)})

    @property
    def videos(self) -> int:
        """How many videos were rated."""
        return len({event.video_id for event in (*self.past, *self.later)})


def no_events(now: datetime) -> list[bytes]:
    """Return records that break the contract, each for a reason of its own."""
    good = {"event_id": "bad-1", "type": "rate", "user_id": "u1", "video_id": "v1", "ts": now, "rating": 4.0}
    return [
        b'{"event_id": "bad-0", "type": "rate", "user_id": "u1"',
        msgspec.json.encode({**good, "rating": 11}),
        msgspec.json.encode({name: value for name, value in good.items() if name != "video_id"}),
        msgspec.json.encode({**good, "ts": now + timedelta(days=400)}),
        msgspec.json.encode({**good, "user_id": "u1", "video_id": "v" * (MAX_EVENT_BYTES + 1)}),
        b'{"event_id": "bad-5", "type": "rate", "user_id": "\xff\xfe"}',
    ]


def lines_of(events: Sequence[Rate], between: Sequence[bytes] = ()) -> Iterator[bytes]:
    """Yield events as they go into Kafka, with other records spread evenly between them."""
    for number, event in enumerate(events):
        for at, record in enumerate(between):
            if number == (at + 1) * len(events) // (len(between) + 1):
                yield record
        yield encode_event(event)


async def send_catalogue(connection: Connection, topic: str, dataset: Dataset) -> int:
    """Send every title to the catalogue topic; return how many when all are acknowledged."""
    async with producer_of(connection) as producer:
        for video_id, title, year, genres in dataset.catalogue:
            value = msgspec.json.encode(CatalogueEntry(title=title, year=year, genres=genres))
            await producer.send(topic, value, key=video_id.encode())
    return len(dataset.catalogue)


def _last_of_each_user(events: Sequence[Rate], most: int) -> list[Rate]:
    last = {event.user_id: event for event in events}
    return sorted(last.values(), key=lambda event: (event.ts, event.event_id))[-most:]
