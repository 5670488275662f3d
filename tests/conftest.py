"""What all tests share: one BLAS thread, as in production, and the fixtures with a real broker."""

import os

import pytest

from tests.brokers import FIXTURES, kafka, own_broker

__all__ = ["kafka", "own_broker"]

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")  # nothing above imports numpy, which reads them once


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that asks for a broker as one of ``kafka``."""
    for item in items:
        if FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)
