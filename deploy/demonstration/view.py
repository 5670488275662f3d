"""Asking workers over HTTP, as a service would."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

from deploy.demonstration.errors import DemonstrationFailed

_TIMEOUT = aiohttp.ClientTimeout(total=10.0)


@dataclass(frozen=True, slots=True)
class Counts:
    """What all workers together have counted since they started."""

    applied: int
    rejected: Counter[str]

    @property
    def done(self) -> int:
        """Events that need nothing more."""
        return self.applied + self.rejected.total()


class View:
    """The workers' query view.

    Parameters
    ----------
    session : of the HTTP client.
    urls : of all workers.
    """

    def __init__(self, session: aiohttp.ClientSession, urls: list[str]) -> None:
        self._session = session
        self.urls = urls

    async def recommendations(self, url: str, user_id: str, limit: int) -> dict[str, Any]:
        """Return a user's list from the worker at `url`, whoever owns the user."""
        path = f"/v1/users/{quote(user_id, safe='')}/recommendations?limit={limit}"
        return await self._json(f"{url}{path}")

    async def owner(self, user_id: str) -> str:
        """Return the URL of the worker that keeps a user."""
        answer = await self._json(f"{self.urls[0]}/v1/routing/users/{quote(user_id, safe='')}")
        return str(answer["owner"])

    async def partitions(self, url: str) -> list[dict[str, Any]]:
        """Return who owns which partition, as the worker at `url` sees it."""
        answer = await self._json(f"{url}/v1/routing/partitions")
        return list(answer["partitions"])

    async def not_ready(self, url: str) -> str | None:
        """Return why a worker takes no traffic yet, None when it does."""
        try:
            async with self._session.get(f"{url}/health/ready") as response:
                return None if response.status == 200 else str((await response.json(content_type=None))["detail"])
        except (aiohttp.ClientError, TimeoutError) as error:
            return f"no answer from {url} ({error or type(error).__name__})"

    async def counts(self) -> Counts:
        """Return the sums of the workers' counters."""
        return add_up(await asyncio.gather(*(self._text(f"{url}/metrics") for url in self.urls)))

    async def _json(self, url: str) -> dict[str, Any]:
        try:
            async with self._session.get(url) as response:
                if response.status == 200:
                    answer: dict[str, Any] = await response.json()
                    return answer
                raise DemonstrationFailed(f"{url} answered {response.status}: {await response.text()}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DemonstrationFailed(f"{url}: {error or type(error).__name__}") from error

    async def _text(self, url: str) -> str:
        try:
            async with self._session.get(url) as response:
                return await response.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise DemonstrationFailed(f"{url}: {error or type(error).__name__}") from error


@asynccontextmanager
async def open_view(urls: list[str]) -> AsyncIterator[View]:
    """Yield a view of some workers."""
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        yield View(session, urls)


def add_up(expositions: list[str]) -> Counts:
    """Return the sums of the event counters in several workers' metrics."""
    applied, rejected = 0, Counter[str]()
    for exposition in expositions:
        for family in text_string_to_metric_families(exposition):
            for sample in family.samples:
                if sample.name == "nearline_events_applied_total":
                    applied += int(sample.value)
                elif sample.name == "nearline_events_rejected_total":
                    rejected[sample.labels["reason"]] += int(sample.value)
    return Counts(applied, rejected)
