"""Workers whose machine's clock is wrong: an hour changes nothing, more is refused with both times."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from agents.kafka.topics import topic_specs
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.cluster.happenings import happenings
from tests.support.cluster.oracle import read_topic
from tests.support.cluster.verdict import applied, check_changelog

SHIFTED = "tests.support.cluster.shifted_clock"
MINUTE = 60


def dated(event_id: str, ahead: timedelta) -> tuple[bytes, bytes]:
    """A rating that was given so long from now."""
    ts = (datetime.now(UTC) + ahead).isoformat()
    event = {"event_id": event_id, "type": "rate", "user_id": "u1", "video_id": event_id, "ts": ts, "rating": 4}
    return b"u1", json.dumps(event).encode()


@pytest.mark.parametrize("minutes", [70, -70])
async def test_an_hour_changes_nothing_but_stamps(cluster: Cluster, minutes: int) -> None:
    model = await cluster.publish()
    worker = cluster.worker("0")
    worker.start(through=(SHIFTED, str(minutes * MINUTE)))
    await worker.ready()
    late, early = dated("late", timedelta(hours=24, minutes=30)), dated("early", timedelta(hours=23, minutes=30))
    await cluster.send([late, early, *islice(happenings(17), 200)])
    source = await read_topic(cluster.bootstrap, cluster.names.member_events)
    good = [record for record in source if record.value != late[1]]
    await check_changelog(cluster, model, await applied(cluster, good, rejected={late[1]}))
    assert worker.alive
    assert await asyncio.to_thread(worker.stop) == 0, worker.log_tail()


@pytest.mark.parametrize("hours", [25, -25])
async def test_a_day_is_refused_with_both_times_before_anything_is_read(cluster: Cluster, hours: int) -> None:
    await cluster.publish()
    await cluster.send(islice(happenings(18), 20))
    worker = cluster.worker("0")
    worker.start(through=(SHIFTED, str(hours * 60 * MINUTE)))
    assert await asyncio.to_thread(worker.wait, 60) == 78, worker.log_tail()
    assert f"25.0 hours {'ahead' if hours > 0 else 'behind'}; set the clock" in worker.log_tail()
    assert await read_topic(cluster.bootstrap, cluster.names.dead_letters) == []


async def test_topics_of_an_earlier_release_keep_a_clock_that_is_ahead_from_a_restart_loop(cluster: Cluster) -> None:
    model = await cluster.publish()
    admin = AIOKafkaAdminClient(bootstrap_servers=cluster.bootstrap)
    await admin.start()
    try:
        for spec in topic_specs(cluster.names, PARTITIONS):
            config = {**spec.config, "cleanup.policy": spec.cleanup_policy, "message.timestamp.type": "CreateTime"}
            await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, spec.name, config)])
    finally:
        await admin.close()
    worker = cluster.worker("0")
    worker.start(through=(SHIFTED, str(70 * MINUTE)))
    assert await asyncio.to_thread(worker.wait, 60) == 78, worker.log_tail()
    said = worker.log_tail()
    assert "minutes ahead; set the clock that is wrong" in said
    assert "message.timestamp.type is CreateTime for" in said
    worker.start(through=(SHIFTED, str(50 * MINUTE)))
    await worker.ready()
    await cluster.send(islice(happenings(19), 100))
    await check_changelog(cluster, model, await applied(cluster))
    assert worker.alive
