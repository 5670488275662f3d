"""`GET /v1/routing/users/{user_id}` and `/v1/routing/partitions`: who holds what."""

from aiohttp import web

from app.query.endpoints.running_view import RunningView
from app.query.schema.answers import PartitionAnswer, PartitionsAnswer, UserRoutingAnswer, json_response
from app.query.schema.requests import NoQuery, read_query, user_id_of


async def user_routing(running: RunningView, request: web.Request) -> web.StreamResponse:
    """Answer `GET /v1/routing/users/{user_id}`."""
    user_id = user_id_of(request)
    read_query(request, NoQuery)
    routing = running.view.routing
    partition = routing.partition_of(user_id)
    return json_response(
        UserRoutingAnswer(
            user_id=user_id, partition=partition, owner=routing.owner(partition), here=routing.holds(partition)
        )
    )


async def partitions(running: RunningView, request: web.Request) -> web.StreamResponse:
    """Answer `GET /v1/routing/partitions`."""
    read_query(request, NoQuery)
    routing = running.view.routing
    found = [
        PartitionAnswer(
            partition=number,
            owner=routing.owner(number),
            standby=routing.standby(number),
            here=routing.holds(number),
        )
        for number in range(routing.partitions)
    ]
    unserved = [partition.partition for partition in found if partition.owner is None]
    return json_response(PartitionsAnswer(routing.own_url, found, unserved))
