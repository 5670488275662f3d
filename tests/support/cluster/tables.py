"""A users table in this process, whose changelog is a cluster's."""

from collections.abc import Iterator
from pathlib import Path

import faust
import pytest

from tables.batch_table import BatchTable
from tests.support.cluster.cluster import PARTITIONS, Cluster


@pytest.fixture(name="table")
def users_table(cluster: Cluster, tmp_path: Path) -> Iterator[BatchTable]:
    """An empty table whose changelog is the cluster's, own partitions open."""
    app = faust.App(
        cluster.names.app_id, store="rocksdb://", datadir=tmp_path / "tables", Table=BatchTable, autodiscover=False
    )
    made = app.Table("users", key_type=bytes, value_type=bytes, partitions=PARTITIONS)
    assert isinstance(made, BatchTable)
    assert made.changelog_topic_name == cluster.names.users_changelog
    (tmp_path / "tables" / "v1" / "tables").mkdir(parents=True)
    for partition in range(PARTITIONS):
        made.open(partition)
    yield made
    made.data._dbs.clear()  # type: ignore[attr-defined]
