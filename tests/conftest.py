"""What all tests share: one BLAS thread, as in production, a real broker, a real RocksDB, a real S3."""

import os

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes, or its making, is the machine's affair.
settings.register_profile("no deadline", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no deadline")
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # before numpy comes, which reads them once

from tests.support.brokers import FIXTURES, kafka, own_broker  # noqa: E402
from tests.support.real_tables import make_table  # noqa: E402
from tests.support.s3 import own_s3, s3, s3_server  # noqa: E402

__all__ = ["kafka", "make_table", "own_broker", "own_s3", "s3", "s3_server"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that asks for a broker as one of ``kafka``."""
    for item in items:
        if FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)
