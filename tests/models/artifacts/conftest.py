from pathlib import Path

import pytest

from app.publishing.model_store import ModelStore
from tests.models.artifacts.published import VERSION, Published, model, write


@pytest.fixture
def published(tmp_path: Path) -> Published:
    store = ModelStore(str(tmp_path))
    write(store, model())
    return Published(store, tmp_path / "us" / VERSION)
