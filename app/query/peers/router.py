"""Who is asked about a user whose partition runs on another worker: the owner of the partition, or its standby, once.

Only addresses of the assignment are ever asked. A request that was passed on already is never passed on again, but by
the owner that looks for a misplaced user (`app.query.endpoints.locating`), and that one never; so no loop can arise.
"""

from aiohttp import web

from app.query.http.headers import HOP_HEADER
from app.query.http.problems import NOT_OWNER, OWNER_UNKNOWN, Problem
from app.query.view import Routing


class Router:
    """Chooses the worker to ask.

    Parameters
    ----------
    routing : who holds what.
    """

    def __init__(self, routing: Routing) -> None:
        self._routing = routing

    def owner_of(self, partition: int, request: web.Request) -> str:
        """Return the base URL to ask about a partition that is not here.

        Raises
        ------
        Problem
            503: the request was passed on already, or nobody else owns the partition now.
        """
        if HOP_HEADER in request.headers:
            raise Problem(NOT_OWNER, f"partition {partition} does not run on this worker, which was asked as its owner")
        owner = self._routing.owner(partition)
        if owner is None or owner == self._routing.own_url:
            state = "has no owner" if owner is None else "is being taken over by this worker"
            raise Problem(OWNER_UNKNOWN, f"partition {partition} {state}; try again")
        return owner

    def standby_of(self, partition: int, request: web.Request) -> str | None:
        """Return the base URL of the standby to ask, None without one elsewhere or for what was passed on already."""
        standby = self._routing.standby(partition)
        return None if standby == self._routing.own_url or HOP_HEADER in request.headers else standby
