"""The group as a real broker sees it: who may have a name or an address, and who is removed for it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiokafka import AIOKafkaConsumer

from agents.kafka.connection import Connection
from agents.kafka.group import Place, open_group
from agents.kafka.topics import TopicMismatch
from app.settings.settings import KafkaSettings, Settings, TopicSettings
from app.worker.membership import (
    PlaceTaken,
    _seen_in_group,
    claim_place,
    hindrance_to_sharing_out,
    leave_group,
    remove_worker,
)
from deploy.kafka.ports import free_ports
from tests.integration.group_view import group_of
from tests.integration.topic_deletion import delete_topic
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.waiting import wait_for

_SESSION_MS = 60_000


@asynccontextmanager
async def answering(status: int = 200) -> AsyncIterator[str]:
    """Answer health questions as a worker does; yields the address."""
    app, (port,) = web.Application(), free_ports(1)

    async def live(_: web.Request) -> web.Response:
        return web.json_response({}, status=status)

    app.router.add_get("/health/live", live)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


async def die_as(cluster: Cluster, place: Place) -> None:
    """Join the group as the worker at `place` and vanish, as after a kill."""
    consumer = AIOKafkaConsumer(
        cluster.names.membership,
        bootstrap_servers=cluster.bootstrap,
        group_id=cluster.names.app_id,
        group_instance_id=place.instance_id,
        client_id=place.client_id,
        session_timeout_ms=_SESSION_MS,
    )
    await consumer.start()

    async def is_member() -> bool:
        return bool(consumer.assignment())

    await wait_for("assignment", is_member, 30)
    consumer._coordinator.generation = -1  # so that it does not leave
    await consumer.stop()


async def names(cluster: Cluster) -> list[tuple[str, str]]:
    """Who is in the group."""
    return [(member.name, member.url) for member in (await group_of(cluster)).members]


def nobody() -> str:
    """An address where nobody answers."""
    return f"http://127.0.0.1:{free_ports(1)[0]}"


async def claim(cluster: Cluster, place: Place) -> None:
    """Claim a place."""
    await claim_place(cluster.connection, cluster.names.app_id, place)


async def test_what_a_member_is_and_has_can_be_read_of_the_group(cluster: Cluster) -> None:
    place = Place("shop-3", nobody(), static=True)
    await die_as(cluster, place)
    (member,) = (await group_of(cluster)).members
    assert (member.instance_id, member.name, member.url) == ("shop-3", "shop-3", place.url)
    assert member.partitions == {cluster.names.membership: list(range(PARTITIONS))}


@pytest.mark.parametrize("static", [True, False])
async def test_a_dead_member_with_the_name_or_the_address_is_removed_and_a_stranger_stays(
    cluster: Cluster, static: bool
) -> None:
    place = Place("shop-1", nobody(), static)
    for dead in (Place("shop-1", nobody(), static), Place("shop-2", place.url, static)):
        await die_as(cluster, dead)
        await claim(cluster, place)
        assert await names(cluster) == []
    stranger = Place("shop-2", nobody(), static)
    await die_as(cluster, stranger)
    await claim(cluster, place)
    assert await names(cluster) == [(stranger.name, stranger.url)]


async def test_after_a_kill_a_static_member_keeps_its_partitions_and_another_one_keeps_nobody_waiting(
    cluster: Cluster,
) -> None:
    place = Place("shop-1", nobody(), static=True)
    await die_as(cluster, place)
    await claim(cluster, place)
    assert await names(cluster) == [(place.name, place.url)]
    await claim(cluster, Place(place.name, place.url, static=False))
    assert await names(cluster) == []
    await die_as(cluster, Place(place.name, place.url, static=False))
    await claim(cluster, Place(place.name, place.url, static=False))
    assert await names(cluster) == []


@pytest.mark.parametrize("status", [200, 503])
async def test_who_answers_well_or_not_is_not_removed(cluster: Cluster, status: int) -> None:
    async with answering(status) as url:
        await die_as(cluster, Place("shop-1", url, static=True))
        with pytest.raises(PlaceTaken, match=f"a worker named shop-1 answers at {url}"):
            await claim(cluster, Place("shop-1", nobody(), static=True))
        with pytest.raises(PlaceTaken, match=f"another worker answers at {url}"):
            await claim(cluster, Place("shop-7", url, static=True))
        async with open_group(cluster.connection, cluster.names.app_id, 30) as group:
            with pytest.raises(PlaceTaken, match="stop it first"):
                await remove_worker(group, "shop-1")
        assert await names(cluster) == [("shop-1", url)]


async def test_who_stops_leaves_a_calm_group_only_when_it_is_not_static(cluster: Cluster) -> None:
    for static in (False, True):
        place = Place("shop-1", nobody(), static)
        await die_as(cluster, place)
        await leave_group(cluster.connection, cluster.names.app_id, place)
        assert await names(cluster) == [(place.name, place.url)] * static


async def test_leaving_a_group_whose_broker_is_away_takes_a_moment_and_raises_nothing(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    peer_lists = Cluster(nobody().removeprefix("http://"), "shop", cluster.folder)
    await leave_group(peer_lists.connection, "shop", Place("shop-1", nobody(), static=True))
    assert "could not leave the group shop" in caplog.text


async def test_what_keeps_a_group_from_sharing_out_again_is_named(cluster: Cluster) -> None:
    settings = settings_of(cluster)
    assert await hindrance_to_sharing_out(settings, served=True) is None
    dead = Place("shop-1", nobody(), static=True)
    await die_as(cluster, dead)
    assert await hindrance_to_sharing_out(settings, served=False) is None
    hindrance = await hindrance_to_sharing_out(settings, served=True)
    assert hindrance == f"the worker shop-1 is in the group and does not answer at {dead.url}"
    await delete_topic(cluster, cluster.names.membership)
    with pytest.raises(TopicMismatch, match=f"{cluster.names.membership} does not exist"):
        await hindrance_to_sharing_out(settings, served=False)


async def test_who_has_this_workers_name_is_told_only_when_somebody_has_it(cluster: Cluster) -> None:
    connection, group = cluster.connection, cluster.names.app_id
    place = Place("shop-1", nobody(), static=True)
    assert await _seen_in_group(connection, group, place) == (
        f"the group {group} does not have this worker, 0 members and the state Dead"
    )
    other = Place("shop-1", nobody(), static=True)
    await die_as(cluster, other)
    seen = await _seen_in_group(connection, group, place)
    assert seen is not None
    assert seen.startswith(f"shop-1 at {other.url} has its id or its address")
    seen = await _seen_in_group(connection, group, other)
    assert seen is not None
    assert "has this worker, 1 members and the state Stable" in seen
    assert await _seen_in_group(Connection(nobody().removeprefix("http://")), group, place) is None


def settings_of(cluster: Cluster) -> Settings:
    """Return the settings of a worker of the cluster, as far as the group is concerned."""
    return Settings(
        app_id=cluster.names.app_id,
        kafka=KafkaSettings(bootstrap=cluster.bootstrap),
        topics=TopicSettings(
            member_events=cluster.names.member_events,
            catalogue=cluster.names.catalogue,
            models=cluster.names.models,
            partitions=PARTITIONS,
        ),
    )
