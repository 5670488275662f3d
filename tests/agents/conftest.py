"""Parts that tests of the event path share: a table on a real RocksDB, a small model, metrics."""

from collections.abc import Callable, Iterator
from pathlib import Path

import faust
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from agents.metrics import Metrics, make_metrics
from models.description import ModelDescription
from models.factor_model import FactorModel
from models.strengths import StrengthRule
from models.user_solver import SolverParameters
from tables.fenced_table import FencedTable


@pytest.fixture
def metrics() -> Metrics:
    """Metrics on a registry of their own."""
    return make_metrics(CollectorRegistry())


@pytest.fixture
def make_table(tmp_path: Path) -> Iterator[Callable[[], FencedTable]]:
    """Make a new, empty table with one open partition, as Faust opens it."""
    made: list[FencedTable] = []

    def make() -> FencedTable:
        folder = tmp_path / str(len(made))
        app = faust.App("test", store="rocksdb://", datadir=folder, Table=FencedTable, autodiscover=False)
        table = app.Table("users", key_type=bytes, value_type=bytes, partitions=1)
        assert isinstance(table, FencedTable)
        (folder / "v1" / "tables").mkdir(parents=True)
        table.data._db_for_partition(0)  # type: ignore[attr-defined]
        made.append(table)
        return table

    yield make
    for table in made:
        table.data._dbs.clear()  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def model() -> FactorModel:
    """A model of 40 videos with 4 factors, always the same."""
    factors = np.random.default_rng(7).normal(0, 0.5, (40, 4)).astype(np.float32)
    parameters = SolverParameters(regularization=0.1, unobserved_weight=0.2, frequency_exponent=1.0)
    return FactorModel.build(
        region="global",
        version="test-1",
        video_ids=tuple(f"v{number}" for number in range(40)),
        factors=factors,
        popularity=np.ones(40, np.float32),
        description=ModelDescription(strengths=StrengthRule(), solver=parameters),
    )
