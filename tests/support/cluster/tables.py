"""A users table in this process, whose changelog is a cluster's."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tables.batch_table import BatchTable
from tests.support.cluster.cluster import PARTITIONS, Cluster
from tests.support.real_tables import new_table


@pytest.fixture(name="table")
def users_table(cluster: Cluster, tmp_path: Path) -> Iterator[BatchTable]:
    """An empty table whose changelog is the cluster's, own partitions open."""
    made = new_table(tmp_path / "tables", PARTITIONS, cluster.names.app_id)
    assert made.changelog_topic_name == cluster.names.users_changelog
    for partition in range(PARTITIONS):
        made.open(partition)
    yield made
    made.data._dbs.clear()  # type: ignore[attr-defined]
