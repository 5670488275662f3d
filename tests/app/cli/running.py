"""Running the command line within the test's process."""

from collections.abc import Callable

from typer.testing import Result

Run = Callable[..., Result]
