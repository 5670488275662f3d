"""Waiting until a cluster has done what there is to do."""

from tests.support.cluster.cluster import Cluster
from tests.support.waiting import wait_for
from tests.system.changelog import Changelog


async def at_rest(cluster: Cluster, seconds: float = 120.0) -> None:
    """Wait until the changelog's positions are at the ends of the source."""
    reader = Changelog(cluster)
    ends = await reader.source_ends()

    async def reached() -> bool:
        await reader.read_on()
        return all(reader.positions.get(partition, 0) >= end for partition, end in ends.items())

    try:
        await reader.start()
        await wait_for(f"position at the source's ends {ends}", reached, seconds)
    except AssertionError as error:
        raise AssertionError(f"{error}; positions are {reader.positions}") from None
    finally:
        await reader.stop()


async def mended(cluster: Cluster, seconds: float = 60.0) -> None:
    """Wait until the last record of every key in the changelog is its newest, after a batch that landed late."""
    reader = Changelog(cluster)
    await reader.start()

    async def whole() -> bool:
        await reader.read_on()
        return not reader.buried()

    try:
        await wait_for("changelog that may be compacted", whole, seconds)
    finally:
        await reader.stop()
