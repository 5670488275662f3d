"""Which code made a model: the version of the distribution and, in a checkout, the commit."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_DISTRIBUTION = "nearline-recommender"
_GIT = Path(__file__).resolve().parents[3] / ".git"


def code_version(git: Path = _GIT) -> str:
    """Return such as ``0.1.0+1f2e3d4c5b6a``; without the part that cannot be found out."""
    try:
        release = version(_DISTRIBUTION)
    except PackageNotFoundError:
        release = "0"
    commit = _commit(git)
    return f"{release}+{commit[:12]}" if commit else release


def _commit(git: Path) -> str | None:
    try:
        head = (git / "HEAD").read_text().strip()
        reference = head.removeprefix("ref: ")
        return head if reference == head else (git / reference).read_text().strip()
    except OSError:
        return None
