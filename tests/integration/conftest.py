"""A cluster of its own for each test."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest_asyncio

from tests.integration.cluster import Cluster


@pytest_asyncio.fixture
async def cluster(kafka: str, tmp_path: Path) -> AsyncIterator[Cluster]:
    """Topics of its own on the session's broker; processes end with the test."""
    made = Cluster(kafka, f"test-{uuid4().hex[:12]}", tmp_path)
    await made.create_topics()
    try:
        yield made
    finally:
        made.end()
