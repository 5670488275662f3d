"""The one topic of events that the worker and plain Faust both read, and the rows of its users."""

import secrets

from agents.kafka.topics import TopicSpec, create_topics
from models.inference.recommend import recommend
from tests.benchmarks.bench import Bench
from tests.benchmarks.filling import batch_producer, fill
from tests.benchmarks.workload import histories_before, stored_state, user_id


async def shared_events(bench: Bench) -> str:
    """Return the topic; the first call that succeeds has filled it with one event of each user."""
    if bench.shared_topic is not None:
        return bench.shared_topic
    sizes, topic = bench.sizes, f"shared-events-{secrets.token_hex(3)}"
    deployment = bench.deployment("shared", topic)
    await create_topics(deployment.connection, [TopicSpec(topic, sizes.partitions, "delete")], replication=1)
    async with batch_producer(deployment.connection) as producer:
        await fill(producer, topic, sizes.partitions, bench.events(0, sizes.events, sizes.n_videos))
    bench.shared_topic = topic
    return topic


async def store_users(bench: Bench, changelog: str) -> None:
    """Put a row of `bench.facts` facts, and its list, for every user of the events into a worker's changelog."""
    sizes, deployment = bench.sizes, bench.deployment("rows")
    before = histories_before(sizes.events, bench.facts, sizes.n_videos)
    tops = recommend(bench.model, before, sizes.top)
    rows = [stored_state(history, bench.model, top).encode() for history, top in zip(before, tops, strict=True)]
    records = ((user_id(number).encode(), rows[number % len(rows)]) for number in range(sizes.events))
    async with batch_producer(deployment.connection) as producer:
        await fill(producer, changelog, sizes.partitions, records)
