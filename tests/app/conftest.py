from collections.abc import Iterator

import pytest

from tests.support.logging_state import restored_afterwards


@pytest.fixture
def restored_logging() -> Iterator[None]:
    with restored_afterwards():
        yield
