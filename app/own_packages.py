"""Refusing to run when `app`, `agents`, `models` or `tables` is somebody else's package of that name.

The project runs from its checkout, so its packages have plain names that other distributions use, too.
"""

from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

OWN_PACKAGES = ("tables", "agents", "models", "app")
EXIT_CONFIGURATION = 78
"""The exit status for a configuration that cannot work (EX_CONFIG of sysexits.h)."""

_CHECKOUT = Path(__file__).resolve().parent.parent


class ForeignPackage(Exception):
    """A package of the project resolves to a place outside this checkout; the message names both."""


def require_own_packages(
    names: Sequence[str] = OWN_PACKAGES,
    checkout: Path = _CHECKOUT,
    find: Callable[[str], ModuleSpec | None] = find_spec,
) -> None:
    """Check, without importing them, that the packages `names` are those of `checkout`.

    Raises
    ------
    ForeignPackage
        If one is missing or lies elsewhere.
    """
    for name in names:
        spec = find(name)
        found = Path(spec.origin).resolve() if spec and spec.origin else None
        if found != checkout / name / "__init__.py":
            where = f"is {found}" if found else "is not a package"
            raise ForeignPackage(
                f"the package {name!r} {where}, not the one in {checkout}; "
                "use the project's own virtual environment and no other PYTHONPATH"
            )
