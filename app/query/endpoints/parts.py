"""What the handlers share while the web application runs."""

from dataclasses import dataclass

from aiohttp import web

from app.query.lists.recommender import Recommender
from app.query.lists.slots import Slots
from app.query.peers.router import Router
from app.query.view import QueryView


@dataclass(frozen=True, slots=True)
class QueryParts:
    """The view's collaborators, and what is made of them.

    Parameters
    ----------
    view : given from outside.
    router : asks other workers.
    slots : bounds numerics.
    recommender : answers for users whose state is here.
    document : `/openapi.json`.
    """

    view: QueryView
    router: Router
    slots: Slots
    recommender: Recommender
    document: bytes

    @classmethod
    def of(cls, view: QueryView, document: bytes) -> "QueryParts":
        """Make the parts."""
        slots = Slots(view.max_solving)
        router = Router(view.routing, view.forward_timeout_ms)
        return cls(view, router, slots, Recommender(view, slots), document)

    async def from_owner(
        self, user_id: str, request: web.Request, timeout_ms: int | None = None
    ) -> web.Response | None:
        """Return the owner's answer about a user who is not here, None for one who is.

        `timeout_ms` is for what takes longer than an answer may.
        """
        partition = self.view.routing.partition_of(user_id)
        if self.view.routing.holds(partition):
            return None
        return await self.router.forward(request, partition, timeout_ms)

    def title(self, video_id: str) -> str | None:
        """Return a video's title, None when the catalogue does not know it."""
        entry = self.view.catalogue.get(video_id)
        return None if entry is None else entry.title
