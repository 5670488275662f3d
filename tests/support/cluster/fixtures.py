"""Fixtures: a cluster of its own for each test."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest_asyncio

from tests.support.cluster.cluster import Cluster
from tests.support.s3 import S3Server


@pytest_asyncio.fixture
async def cluster(kafka: str, tmp_path: Path) -> AsyncIterator[Cluster]:
    """Topics of its own on the session's broker; processes end with the test."""
    async with _running(Cluster(kafka, f"test-{uuid4().hex[:12]}", tmp_path)) as made:
        yield made


@pytest_asyncio.fixture
async def s3_cluster(kafka: str, tmp_path: Path, own_s3: S3Server) -> AsyncIterator[Cluster]:
    """The same with a model store on an S3 server of its own."""
    made = Cluster(kafka, f"test-{uuid4().hex[:12]}", tmp_path, store=f"{own_s3.make_bucket()}/models")
    async with _running(made):
        yield made


@asynccontextmanager
async def _running(cluster: Cluster) -> AsyncIterator[Cluster]:
    await cluster.create_topics()
    try:
        yield cluster
    finally:
        cluster.end()
