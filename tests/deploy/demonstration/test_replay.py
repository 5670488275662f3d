from collections.abc import Iterator
from typing import Any

import pytest

from deploy.demonstration.errors import DemonstrationFailed
from deploy.demonstration.replay import wait_until_ready

ONE, TWO = "http://one", "http://two"


class View:
    """Two workers, whose partitions come step by step: each step is what the owners of three partitions are."""

    urls = (ONE, TWO)

    def __init__(self, steps: list[list[str | None]]) -> None:
        self.steps: Iterator[list[str | None]] = iter(steps)
        self.looks = 0

    async def not_ready(self, url: str) -> str | None:
        if url == ONE:
            self.looks += 1
            self.owners = next(self.steps)
        return None

    async def partitions(self, url: str) -> list[dict[str, Any]]:
        return [{"owner": owner, "here": owner == url} for owner in self.owners]


async def test_ready_is_when_all_partitions_are_shared_by_all_workers() -> None:
    view = View([[None, None, None], [ONE, ONE, ONE], [ONE, TWO, None], [ONE, TWO, ONE]])
    checks: list[None] = []
    await wait_until_ready(view, lambda: checks.append(None))  # type: ignore[arg-type]
    assert (view.looks, len(checks)) == (4, 3)


async def test_a_worker_that_ended_ends_the_waiting() -> None:
    def check() -> None:
        raise DemonstrationFailed("worker 1 ended by itself")

    with pytest.raises(DemonstrationFailed, match="worker 1"):
        await wait_until_ready(View([[None, None, None]]), check)  # type: ignore[arg-type]
