"""The consumer group of the workers as the broker sees it: who is in it, and how a dead member leaves it at once.

aiokafka's own requests are older than static membership; those that know it are defined here. A worker's client id
carries its name and its address, because the broker tells them in every state of the group, and of members that have
not joined completely, too.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka.client import AIOKafkaClient, ConnectionGroup, CoordinationType
from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.errors import KafkaError, NoError, UnknownMemberIdError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Bytes, Int16, Int32, Schema, String

from agents.kafka.connection import Connection, some_node

_log = logging.getLogger(__name__)
_TEXT = String("utf-8")
_AGAIN_SECONDS = 0.2
CALM = "Stable"
"""The group's state when every member has its partitions; in the others members wait for each other."""


class _DescribeGroupsResponse(Response):  # type: ignore[misc]
    API_KEY = 15
    API_VERSION = 4
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "groups",
            Array(
                ("error_code", Int16),
                ("group", _TEXT),
                ("state", _TEXT),
                ("protocol_type", _TEXT),
                ("protocol", _TEXT),
                (
                    "members",
                    Array(
                        ("member_id", _TEXT),
                        ("group_instance_id", _TEXT),
                        ("client_id", _TEXT),
                        ("client_host", _TEXT),
                        ("member_metadata", Bytes),
                        ("member_assignment", Bytes),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
    )


class _DescribeGroupsStruct(RequestStruct):  # type: ignore[misc]
    API_KEY = 15
    API_VERSION = 4
    RESPONSE_TYPE = _DescribeGroupsResponse
    SCHEMA = Schema(("groups", Array(_TEXT)), ("include_authorized_operations", Boolean))


class _DescribeGroup(Request[_DescribeGroupsStruct]):  # type: ignore[misc]
    API_KEY = 15

    def __init__(self, group: str) -> None:
        self._group = group

    def build(self, request_struct_class: type[_DescribeGroupsStruct]) -> _DescribeGroupsStruct:
        return request_struct_class([self._group], False)


class _LeaveGroupResponse(Response):  # type: ignore[misc]
    API_KEY = 13
    API_VERSION = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("members", Array(("member_id", _TEXT), ("group_instance_id", _TEXT), ("error_code", Int16))),
    )


class _LeaveGroupStruct(RequestStruct):  # type: ignore[misc]
    API_KEY = 13
    API_VERSION = 3
    RESPONSE_TYPE = _LeaveGroupResponse
    SCHEMA = Schema(("group", _TEXT), ("members", Array(("member_id", _TEXT), ("group_instance_id", _TEXT))))


class _LeaveGroup(Request[_LeaveGroupStruct]):  # type: ignore[misc]
    API_KEY = 13

    def __init__(self, group: str, members: list[tuple[str, str | None]]) -> None:
        self._group = group
        self._members = members

    def build(self, request_struct_class: type[_LeaveGroupStruct]) -> _LeaveGroupStruct:
        return request_struct_class(self._group, self._members)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a worker stands in its group.

    Parameters
    ----------
    name : of the worker in its group, which has no "@" in it.
    url : that it advertises.
    static : whether it keeps its partitions over a quick restart.
    """

    name: str
    url: str
    static: bool

    @property
    def client_id(self) -> str:
        """What the broker is told."""
        return f"{self.name}@{self.url}"

    @property
    def instance_id(self) -> str | None:
        """The name that is known to the group beyond one connection, None without one."""
        return self.name if self.static else None


@dataclass(frozen=True, slots=True)
class Member:
    """A member of the group, dead or alive.

    Parameters
    ----------
    member_id : of this one join.
    instance_id : of a static member, else None.
    name, url : of the worker; empty for a client that is none.
    partitions : by topic; empty unless the group is calm.
    """

    member_id: str
    instance_id: str | None
    name: str
    url: str
    partitions: dict[str, list[int]]

    def is_at(self, place: Place) -> bool:
        """Return whether it is the worker of this name at this address."""
        return (self.name, self.url) == (place.name, place.url)

    def disputes(self, place: Place) -> bool:
        """Return whether it has the name or the address of `place`, whose owner must be the only one with it."""
        return self.name == place.name or self.url == place.url


@dataclass(frozen=True, slots=True)
class GroupState:
    """The state of the group, and its members."""

    state: str
    members: list[Member]

    @property
    def calm(self) -> bool:
        """Whether nobody waits for anybody."""
        return self.state == CALM or not self.members


class Group:
    """Questions about one group, asked of its coordinator; made by `open_group`."""

    def __init__(self, client: AIOKafkaClient, group: str, coordinator: int) -> None:
        self._client = client
        self._group = group
        self._coordinator = coordinator

    async def describe(self) -> GroupState:
        """Return who is in it; raises KafkaError when the coordinator cannot say."""
        response = await self._ask(_DescribeGroup(self._group))
        ((error, _, state, _, _, members, _),) = response.groups
        _raise_for(error)
        return GroupState(state, [_member(*member) for member in members])

    async def remove(self, member: Member) -> None:
        """Let a member leave, as if it did so itself; nothing happens if it is gone already."""
        leaving = ("", member.instance_id) if member.instance_id is not None else (member.member_id, None)
        response = await self._ask(_LeaveGroup(self._group, [leaving]))
        _raise_for(response.error_code)
        for _, _, error in response.members:
            if error != UnknownMemberIdError.errno:
                _raise_for(error)

    async def _ask(self, request: Any) -> Any:
        return await self._client.send(self._coordinator, request, group=ConnectionGroup.COORDINATION)


@asynccontextmanager
async def open_group(connection: Connection, group: str, seconds: float) -> AsyncIterator[Group]:
    """Connect to the coordinator of a group for a moment.

    Raises
    ------
    KafkaError
        When it cannot be reached, or does not know itself within `seconds`: the first group of a broker takes a while.
    """
    client = AIOKafkaClient(**connection.client_options())
    await client.bootstrap()
    try:
        yield Group(client, group, await _coordinator(client, group, time.monotonic() + seconds))
    finally:
        await client.close()


async def _coordinator(client: AIOKafkaClient, group: str, deadline: float) -> int:
    while True:
        try:
            some_node(client)
            coordinator = int(await client.coordinator_lookup(CoordinationType.GROUP, group))
            await Group(client, group, coordinator).describe()
        except KafkaError as error:
            if not error.retriable or time.monotonic() > deadline:
                raise
            await client.force_metadata_update()
            await asyncio.sleep(_AGAIN_SECONDS)
        else:
            return coordinator


def _member(
    member_id: str, instance_id: str | None, client_id: str, _host: str, _metadata: bytes, assignment: bytes
) -> Member:
    name, _, url = client_id.partition("@")
    topics = ConsumerProtocol.ASSIGNMENT.decode(assignment).assignment if assignment else []
    partitions = {topic: sorted(assigned) for topic, assigned in topics}
    return Member(member_id, instance_id, name if url else "", url, partitions)


def _raise_for(code: int) -> None:
    error = for_code(code)
    if error is not NoError:
        raise error
