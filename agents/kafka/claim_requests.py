"""The two requests by which partitions are claimed; aiokafka's own are older than what is needed of them."""

from typing import Any

from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactString, Int8, Int16, Int32, Int64, Schema, TaggedFields

_TEXT = CompactString("utf-8")
_OF_TRANSACTIONS = 1
_TRANSACTION_TIMEOUT_MS = 1_000
"""There are no transactions; it must be below the broker's `transaction.max.timeout.ms`."""
NOBODY = -1
"""Producer id and epoch of who has no claim yet."""
PRODUCER_FENCED = 90
"""Who names its epoch is told so when there is a higher one; aiokafka does not know the code."""


class _FindCoordinatorsResponse(Response):  # type: ignore[misc]
    API_KEY = 10
    API_VERSION = 4
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "coordinators",
            CompactArray(
                ("key", _TEXT),
                ("node_id", Int32),
                ("host", _TEXT),
                ("port", Int32),
                ("error_code", Int16),
                ("error_message", _TEXT),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _FindCoordinatorsStruct(RequestStruct):  # type: ignore[misc]
    API_KEY = 10
    API_VERSION = 4
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _FindCoordinatorsResponse
    SCHEMA = Schema(("key_type", Int8), ("coordinator_keys", CompactArray(_TEXT)), ("tags", TaggedFields))


class FindCoordinators(Request[_FindCoordinatorsStruct]):  # type: ignore[misc]
    """Asks which nodes have these transactional ids, all at once."""

    API_KEY = 10

    def __init__(self, ids: list[str]) -> None:
        self._ids = ids

    def build(self, request_struct_class: type[_FindCoordinatorsStruct]) -> _FindCoordinatorsStruct:
        """Return the request in the version that was agreed upon."""
        return request_struct_class(_OF_TRANSACTIONS, self._ids, {})


class _InitProducerResponse(Response):  # type: ignore[misc]
    API_KEY = 22
    API_VERSION = 4
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        ("tags", TaggedFields),
    )


class _InitProducerStruct(RequestStruct):  # type: ignore[misc]
    API_KEY = 22
    API_VERSION = 4
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _InitProducerResponse
    SCHEMA = Schema(
        ("transactional_id", _TEXT),
        ("transaction_timeout_ms", Int32),
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        ("tags", TaggedFields),
    )


class InitProducer(Request[_InitProducerStruct]):  # type: ignore[misc]
    """Asks for the producer of a transactional id, one epoch higher; of who names the last epoch, or of anybody.

    Asked a second time with the same epoch, as after a lost answer, it gives the same one again.
    """

    API_KEY = 22

    def __init__(self, transactional_id: str, producer_id: int, epoch: int) -> None:
        self._fields: tuple[Any, ...] = (transactional_id, _TRANSACTION_TIMEOUT_MS, producer_id, epoch, {})

    def build(self, request_struct_class: type[_InitProducerStruct]) -> _InitProducerStruct:
        """Return the request in the version that was agreed upon."""
        return request_struct_class(*self._fields)
