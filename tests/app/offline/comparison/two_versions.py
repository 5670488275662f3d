"""Two versions that order four videos differently, and people who see the difference."""

import numpy as np

from agents.catalogue import CatalogueEntry
from app.offline.comparison.compare import compare_versions
from app.offline.comparison.report import Report
from models.factorization.factor_model import FactorModel
from models.feedback.history import EMPTY_HISTORY
from tests.support.factor_models import model
from tests.support.histories import liked

CATALOGUE = {
    "a": CatalogueEntry(title="Alien", year=1979, genres=("Horror", "Sci-Fi")),
    "b": CatalogueEntry(title="Brazil", genres=("Sci-Fi",)),
    "c": CatalogueEntry(title="Clue"),
}


def ordered(ids: str, version: str) -> FactorModel:
    """Return a model that gives everybody these videos in this order, the first highest."""
    factors = np.arange(len(ids), 0, -1, dtype=np.float32).reshape(-1, 1)
    return model(factors, ids=list(ids), version=version)


HISTORIES = {"ann": liked("z"), "bob": liked("z", "a"), "cleo": EMPTY_HISTORY, "dan": liked("y")}
# A knows no y, and B no z: dan has a list in B only, ann has one in A only
A, B = ordered("abcz", "one"), ordered("bacy", "two")


def found(k: int = 2) -> Report:
    return compare_versions(A, B, HISTORIES, CATALOGUE, k=k, sample=100)
