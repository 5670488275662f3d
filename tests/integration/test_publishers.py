"""Two publishers at the same moment: workers agree on one announcement, and the other publisher learns that it lost."""

import asyncio

import pytest
from aiokafka import AIOKafkaProducer

from app.errors import JobFailed
from app.kafka_clients import read_topic
from app.publishing.announcements import announce, read_announcements
from models.rollout.announcement import Announcement, decode_announcement
from tests.support.cluster.cluster import Cluster
from tests.support.cluster.published_models import random_model, write_model

DIGEST = "0a" * 32


async def last_said(cluster: Cluster) -> Announcement:
    """Return the last record of the topic, the one that compaction would leave."""
    said = [decode_announcement(record.value) async for record in read_topic(cluster.connection, cluster.names.models)]
    return said[-1]


async def announced(cluster: Cluster) -> list[tuple[int, str]]:
    found = (await read_announcements(cluster.connection, cluster.names.models))["global"]
    return [(one.sequence, one.version) for one in found.announcements]


async def say(cluster: Cluster, version: str, seen: bool = False) -> Announcement:
    """Announce a version; `seen`: after reading what there is, else as one who read the topic while it was empty."""
    names = cluster.names.models
    previous = (await read_announcements(cluster.connection, names)).get("global") if seen else None
    return await announce(cluster.connection, names, "global", version, DIGEST, announced=previous)


async def test_who_comes_second_fails_and_leaves_what_the_first_said_as_the_last_word(cluster: Cluster) -> None:
    first = await say(cluster, "v1")
    with pytest.raises(JobFailed, match=r"global/v2 is not announced: .* another publisher announced global/v1"):
        await say(cluster, "v2")
    assert await announced(cluster) == [(0, "v1"), (1, "v1")]
    assert (await say(cluster, "v2", seen=True)).sequence == 2
    assert (first.version, first.sequence) == ("v1", 0)
    assert (await last_said(cluster)).version == "v2"


async def test_who_comes_late_takes_nothing_back(cluster: Cluster) -> None:
    for version in ("v1", "v2", "v3"):
        await say(cluster, version, seen=True)
    with pytest.raises(JobFailed, match="another publisher announced global/v3"):
        await say(cluster, "v4")
    assert (await announced(cluster))[-1] == (3, "v3")


async def test_publishers_of_the_same_version_agree(cluster: Cluster) -> None:
    for _ in range(2):
        assert (await say(cluster, "v1")).sequence == 0
    assert await announced(cluster) == [(0, "v1")]


async def test_other_regions_and_broken_records_are_nobody(cluster: Cluster) -> None:
    async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap) as producer:
        await producer.send_and_wait(cluster.names.models, b"{", key=b"global")
    names = cluster.names.models
    assert (await announce(cluster.connection, names, "fr", "v1", DIGEST, announced=None)).sequence == 0
    assert (await say(cluster, "v2")).sequence == 0


async def test_of_many_at_once_one_is_active_and_the_last_record_says_so(cluster: Cluster) -> None:
    manifests = [write_model(cluster.store, random_model(seed, 20)) for seed in range(4)]
    publishing = [cluster.publisher().publish("global", manifest.version) for manifest in manifests]
    outcomes = await asyncio.gather(*publishing, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} <= {tuple, JobFailed}
    winners = [outcome[0].version for outcome in outcomes if isinstance(outcome, tuple)]
    assert winners
    found = (await read_announcements(cluster.connection, cluster.names.models))["global"]
    assert found.active is not None
    assert found.active.version in winners
    last = await last_said(cluster)
    assert (last.version, last.sequence) == (found.active.version, found.active.sequence)
    by_sequence = [sequence for sequence, _ in await announced(cluster)]
    assert by_sequence == sorted(set(by_sequence))
