"""`GET /v1/routing/users/{user_id}` and `/v1/routing/partitions`: who holds what."""

from aiohttp import web

from app.query.endpoints.running_view import RunningView
from app.query.schema.answers import PartitionAnswer, PartitionsAnswer, UserRoutingAnswer, json_response
from app.query.schema.requests import NoQuery, read_query, user_id_of


async def user_routing(running: RunningView, request: web.Request) -> web.StreamResponse:
    """Answer `GET /v1/routing/users/{user_id}`."""
    user_id = user_id_of(request)
    read_query(request, NoQuery)
    found = _place(running, running.view.routing.partition_of(user_id))
    return json_response(
        UserRoutingAnswer(user_id=user_id, partition=found.partition, owner=found.owner, here=found.here)
    )


async def partitions(running: RunningView, request: web.Request) -> web.StreamResponse:
    """Answer `GET /v1/routing/partitions`."""
    read_query(request, NoQuery)
    routing = running.view.routing
    found = [_place(running, number) for number in range(routing.partitions)]
    return json_response(PartitionsAnswer(routing.own_url, found, routing.unserved()))


def _place(running: RunningView, partition: int) -> PartitionAnswer:
    """Return where a partition is; while the lease is lapsed nothing is here, and what was may be anybody's."""
    routing, lapsed = running.view.routing, running.view.lease.lapsed
    owner = routing.owner(partition)
    return PartitionAnswer(
        partition=partition,
        owner=None if lapsed and owner == routing.own_url else owner,
        standby=routing.standby(partition),
        here=routing.holds(partition) and not lapsed,
    )
