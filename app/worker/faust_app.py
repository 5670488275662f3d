"""Faust's own configuration: every setting is given, so that no unprefixed environment variable can change it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from faust.types import TopicT

from agents.events.reader import Assignment
from app.settings.settings import Settings
from app.worker.assignor import TellingAssignor
from app.worker.faust_seam import PromptTables, StreamApp
from app.worker.membership import place_of
from tables.batch_table import BatchTable
from tables.rocksdb import RocksDBOptions
from tables.table_watch import TableWatch


def make_faust_app(settings: Settings) -> StreamApp:
    """Return the Faust app of a worker: group, tables, life cycle and web server, and nothing of its pages."""
    worker, place = settings.worker, place_of(settings)
    return StreamApp(
        settings.app_id,
        env={},  # Faust would put its environment's names, such as WEB_PORT, before what is given here
        autodiscover=False,
        broker=[f"kafka://{address}" for address in settings.kafka.bootstrap.split(",")],
        store="rocksdb://",
        Table=BatchTable,
        TableManager=PromptTables,
        PartitionAssignor=TellingAssignor,
        datadir=Path(settings.data_dir),
        broker_client_id=place.client_id,
        consumer_group_instance_id=place.instance_id,
        consumer_auto_offset_reset="earliest",
        processing_guarantee="at_least_once",
        broker_session_timeout=worker.session_timeout_seconds,
        broker_heartbeat_interval=min(1.0, worker.session_timeout_seconds / 6),
        broker_rebalance_timeout=worker.rebalance_seconds,
        # until the consumer has started, see `agents.kafka.coordinator_requests`; Faust refuses one below the session's
        broker_request_timeout=max(60.0, worker.session_timeout_seconds),
        broker_commit_interval=1.0,
        stream_wait_empty=True,
        producer_acks=-1,
        producer_threaded=False,
        producer_request_timeout=60.0,
        table_standby_replicas=worker.standby_replicas,
        topic_partitions=settings.topics.partitions,
        topic_replication_factor=settings.kafka.replication,
        topic_allow_declare=False,
        topic_disable_leader=True,
        key_serializer="raw",
        value_serializer="raw",
        web_enabled=True,
        web_bind=settings.http.bind,
        web_port=settings.http.port,
        web_host=settings.http.advertised_host_name,
        canonical_url=settings.http.advertised_url,
        web_tables_enabled=False,
        web_router_enabled=False,
        web_stats_enabled=False,
        web_graph_enabled=False,
        web_application_options={"client_max_size": settings.http.max_body_bytes},
        worker_redirect_stdouts=False,
    )


def make_users_table(
    app: StreamApp, settings: Settings, watch: TableWatch, at_disk: Callable[[], AbstractContextManager[None]]
) -> BatchTable:
    """Return the table of users: raw bytes under raw keys, one RocksDB database a partition, memory budgeted.

    `watch` hears of broken folders; databases are written within `at_disk`.
    """
    options = RocksDBOptions.from_budget(
        settings.rocksdb_memory_mb << 20, settings.topics.partitions, settings.rocksdb_files
    )
    table = app.Table(
        "users",
        key_type=bytes,
        value_type=bytes,
        partitions=settings.topics.partitions,
        options=options.for_faust(),
        watch=watch,
        at_disk=at_disk,
    )
    if not isinstance(table, BatchTable):
        raise TypeError(f"Faust made a {type(table).__name__}, not the table it was told to make")
    return table


def raw_topic(app: StreamApp, name: str, partitions: int) -> TopicT:
    """Return a topic of raw bytes."""
    return app.topic(
        name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw", partitions=partitions
    )


def assignment_of(app: StreamApp, table: BatchTable) -> Assignment:
    """Return what Faust knows of this worker's partitions, those of the table's changelog."""
    changelog = table.changelog_topic_name
    return Assignment(
        partitions=lambda: {at.partition for at in app.assignor.assigned_actives() if at.topic == changelog},
        standbys=lambda: {at.partition for at in app.assignor.assigned_standbys() if at.topic == changelog},
    )
