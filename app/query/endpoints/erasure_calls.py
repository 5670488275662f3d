"""`DELETE /v1/users/{user_id}`, and what became of it: `GET /v1/erasures/{erasure_id}`, `POST /v1/erasures:check`.

The worker that is asked sends the erasure to every partition of the member events, and then asks the owners of the
partitions until each has applied it, or until that takes too long: then it says where to ask.
"""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec
from aiohttp import web

from agents.users.applied_erasures import Applied
from agents.users.erasure import ErasureNotSent
from agents.users.users import NotHere
from app.query.endpoints.running_view import RunningView
from app.query.http.headers import HOP_HEADER
from app.query.http.problems import NOT_CONFIRMED, UNKNOWN_ERASURE, Problem
from app.query.peers.erasures import AskedErasure
from app.query.schema.answers import ErasedPartition, ErasureCheckAnswer, json_response
from app.query.schema.requests import (
    ErasureCheckRequest,
    NoQuery,
    decode_body,
    erasure_id_of,
    read_body,
    read_query,
    user_id_of,
)
from models.json_nesting import shallow

CHECK_PATH = "/v1/erasures:check"
_SEND_SECONDS = 10.0
_WAIT_SECONDS = 10.0
"""An erasure waits for what lies before it, for the chunk under way and for Kafka."""
_SOON, _LATER = 0.02, 0.5
"""Pauses between two rounds of questions, seconds: the first one, and the longest."""
_OWNERS_AT_ONCE = 16
_MOST_WAITING = 32
"""Callers for whom the owners are asked again and again; the next ones are told where to ask."""
_RECORD_BYTES = 32
"""A partition and an offset in the body of a question, at most."""

_CHECKED = msgspec.json.Decoder(ErasureCheckAnswer)

_Records = list[tuple[int, int]]
"""Partition and offset of records that erase a user."""


async def erase(running: RunningView, request: web.Request) -> web.StreamResponse:
    """Answer `DELETE /v1/users/{user_id}`: 200 with what was removed where, once nothing is stored; else 202.

    No worker has the user's row from then on, until an event is applied that lies behind the erasure and begins a new
    history: a later one, or one that a producer repeats. What waited before it is gone, too. The counts of what is
    popular name nobody, and stay. The topics keep what they were sent for as long as they keep anything. A standby,
    which answers while the owner is away and says so, follows within moments. To ask again does no harm.
    """
    user_id = user_id_of(request)
    read_query(request, NoQuery)
    running.check_lease()
    try:
        async with asyncio.timeout(_SEND_SECONDS):
            offsets = await running.view.erasure.send(user_id)
    except TimeoutError:
        raise Problem(
            NOT_CONFIRMED, f"Kafka has not taken the erasure in all partitions after {_SEND_SECONDS:.0f} s; ask again"
        ) from None
    except ErasureNotSent as error:
        raise Problem(NOT_CONFIRMED, f"Kafka did not take the erasure ({error}); ask again") from None
    erasure = AskedErasure(user_id, offsets)
    running.erasures.keep(erasure)
    await _until_applied(running, request, erasure)
    if erasure.applied:
        return json_response(erasure.answer())
    return web.Response(
        body=msgspec.json.encode(erasure.answer()),
        status=202,
        content_type="application/json",
        headers={"Location": f"/v1/erasures/{erasure.id}", "Retry-After": "5"},
    )


async def erasure_status(running: RunningView, request: web.Request) -> web.StreamResponse:
    """Answer `GET /v1/erasures/{erasure_id}`: what is known now, whichever worker took the erasure."""
    erasure_id = erasure_id_of(request)
    read_query(request, NoQuery)
    erasure = running.erasures.get(erasure_id)
    if erasure is not None:
        await _ask_owners(running, request, erasure)
        return json_response(erasure.answer())
    if HOP_HEADER not in request.headers:
        others = running.view.routing.workers() - {running.view.routing.own_url}
        answers = await asyncio.gather(*(_status_from(running, request, worker) for worker in others))
        for known in filter(None, answers):
            return known
    raise Problem(
        UNKNOWN_ERASURE,
        "no worker that answers knows this erasure: only the last ones are kept, and only until a worker is started "
        "anew; delete the user again, which does no harm",
    )


async def check(running: RunningView, request: web.Request) -> web.StreamResponse:
    """Answer `POST /v1/erasures:check`: what erasures came to, of those partitions that run on this worker."""
    read_query(request, NoQuery)
    asked = decode_body(await read_body(request, running.view.settings.max_body_bytes), ErasureCheckRequest)
    found = []
    for partition, offset in asked.records:
        try:
            applied = running.view.erasure.applied(partition, offset)
        except NotHere:
            continue
        removed = None if applied is None else applied.removed
        found.append(ErasedPartition(partition, offset, applied is not None, removed))
    return json_response(ErasureCheckAnswer(found))


async def _until_applied(running: RunningView, request: web.Request, erasure: AskedErasure) -> None:
    """Return when an erasure is applied everywhere, when that takes too long, or at once where too many wait."""
    if running.erasures.waited_for >= _MOST_WAITING:
        return
    pause = _SOON
    running.erasures.waited_for += 1
    try:
        async with asyncio.timeout(_WAIT_SECONDS):
            while True:
                await _ask_owners(running, request, erasure)
                if erasure.applied:
                    return
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LATER)
    except TimeoutError:
        return
    finally:
        running.erasures.waited_for -= 1


async def _ask_owners(running: RunningView, request: web.Request, erasure: AskedErasure) -> None:
    """Ask each owner once about what is not known to be applied; who gives no answer leaves it open."""
    owners = running.view.routing.all_owners()
    elsewhere: defaultdict[str, _Records] = defaultdict(list)
    for partition, offset in list(erasure.waiting()):
        try:
            applied = running.view.erasure.applied(partition, offset)
        except NotHere:
            if (owner := owners.get(partition, running.view.routing.own_url)) != running.view.routing.own_url:
                elsewhere[owner].append((partition, offset))
            continue
        if applied is not None:
            erasure.note(partition, applied)
    allowed = asyncio.Semaphore(_OWNERS_AT_ONCE)

    async def ask(owner: str, records: _Records) -> None:
        async with allowed:
            for one in await _answer_of(running, request, owner, records):
                erasure.note(one.partition, Applied(one.removed))

    await asyncio.gather(*(ask(owner, part) for owner, part in _bodies(running, elsewhere)))


def _bodies(running: RunningView, elsewhere: Mapping[str, _Records]) -> list[tuple[str, _Records]]:
    """Return whom to ask about what, in pieces that the largest body holds."""
    size = max(1, running.view.settings.max_body_bytes // _RECORD_BYTES - 1)
    return [
        (owner, records[start : start + size])
        for owner, records in elsewhere.items()
        for start in range(0, len(records), size)
    ]


async def _answer_of(
    running: RunningView, request: web.Request, owner: str, records: _Records
) -> Sequence[ErasedPartition]:
    """Return what an owner says is applied, of what it was asked about."""
    body = msgspec.json.encode(ErasureCheckRequest(tuple(records)))
    try:
        reply = await running.peers.ask(owner, request, body, to=("POST", CHECK_PATH))
        found = _CHECKED.decode(shallow(reply.body)) if reply.status == 200 else None
    except (Problem, msgspec.DecodeError, UnicodeError):
        return ()
    asked = set(records)
    return [one for one in found.partitions if one.applied and (one.partition, one.offset) in asked] if found else ()


async def _status_from(running: RunningView, request: web.Request, worker: str) -> web.Response | None:
    try:
        reply = await running.peers.ask(worker, request, timeout_ms=2 * running.view.settings.forward_timeout_ms)
    except Problem:
        return None
    return reply.response() if reply.status == 200 else None
