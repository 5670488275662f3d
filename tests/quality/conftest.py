"""The folds and models of a run are kept while these tests run, and no longer: they are millions of objects."""

import gc
from collections.abc import Iterator

import pytest

from tests.quality import answers, figures, folds, learned


@pytest.fixture(scope="package", autouse=True)
def _let_go_of_what_is_kept() -> Iterator[None]:
    yield
    for module in (answers, figures, folds, learned):
        for name in vars(module):
            clear = getattr(getattr(module, name), "cache_clear", None)
            if clear is not None:
                clear()
    gc.collect()
