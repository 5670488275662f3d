"""Fixtures with a real Kafka broker, from the launcher that the product uses.

``kafka``
    The address of the session's broker; tests share it and name their topics and groups apart. It is the broker at
    ``NEARLINE_KAFKA__BOOTSTRAP`` where that is set.
``own_broker``
    A started :class:`Broker` for one test, which may `stop`, `kill` and `start` it.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.kafka import Broker

FIXTURES = frozenset({"kafka", "own_broker"})


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    with Broker(os.environ.get("NEARLINE_KAFKA__BOOTSTRAP")) as broker:
        yield broker.address


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(data_dir=tmp_path / "broker") as broker:
        yield broker
