"""`POST /v1/recommendations:batch`: lists of several users, each owner asked once, all at the same time."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import msgspec
from aiohttp import web
from msgspec import UNSET

from app.query.endpoints.locating import Located, asked_by_peer, other_owners, peer_timeout_ms, read_elsewhere
from app.query.endpoints.peer_lists import AWAY
from app.query.endpoints.running_view import RunningView
from app.query.http.headers import ELSEWHERE_HEADER
from app.query.http.problems import OWNER_UNREACHABLE, UNKNOWN_USER, Problem, ProblemDetails
from app.query.schema.answers import BatchAnswer, BatchResult, Item, json_response
from app.query.schema.requests import BatchRequest, NoQuery, decode_body, query_for, read_body, read_query
from models.json_nesting import shallow

_Positions = list[int]
_ANSWER, _PROBLEM = msgspec.json.Decoder(BatchAnswer), msgspec.json.Decoder(ProblemDetails)
_ITEMS = msgspec.json.Decoder(list[Item])


async def batch(running: RunningView, request: web.Request) -> web.StreamResponse:
    """Answer `POST /v1/recommendations:batch`; every user has a status of their own."""
    read_query(request, NoQuery)
    asked = decode_body(await read_body(request, running.view.settings.max_body_bytes), BatchRequest)
    if ELSEWHERE_HEADER in request.headers:
        return json_response(await _answer_peer(asked, running))
    results: dict[int, BatchResult] = {}
    here, by_owner = _group(asked, request, running, results)
    replies = await asyncio.gather(
        _answer_here(asked, here, request, running),
        *(_ask_worker(owner, asked, positions, request, running) for owner, positions in by_owner.items()),
    )
    for positions, group in zip((here, *by_owner.values()), replies, strict=True):
        results.update(zip(positions, group, strict=True))
    await _ask_standbys(asked, request, running, results)
    return json_response(BatchAnswer([results[position] for position in range(len(asked.user_ids))]))


def _group(
    asked: BatchRequest, request: web.Request, running: RunningView, results: dict[int, BatchResult]
) -> tuple[_Positions, dict[str, _Positions]]:
    """Return the positions of the users who are here, and of the others by owner; the lost ones go to `results`."""
    here: _Positions = []
    by_owner: defaultdict[str, _Positions] = defaultdict(list)
    for position, user_id in enumerate(asked.user_ids):
        partition = running.view.routing.partition_of(user_id)
        if running.view.routing.holds(partition):
            here.append(position)
            continue
        try:
            by_owner[running.router.owner_of(partition, request)].append(position)
        except Problem as problem:
            results[position] = _failed(user_id, problem.details)
    return here, by_owner


async def _answer_here(
    asked: BatchRequest, positions: _Positions, request: web.Request, running: RunningView
) -> list[BatchResult]:
    """Return the lists of users whose partitions run here; those of whom nothing is there are looked for elsewhere."""
    located = {position: _located(asked.user_ids[position], running) for position in positions}
    missing = [position for position, one in located.items() if not one.state.written_at]
    answered: dict[int, BatchResult] = {}
    if missing and running.view.misplaced.partitions:
        answered, open_ones = await _ask_elsewhere(asked, missing, request, running)
        located |= {position: replace(located[position], elsewhere="unanswered") for position in open_ones}
    own = [position for position in positions if position not in answered]
    made = await _answer([(asked.user_ids[position], located[position]) for position in own], asked, running)
    answered |= zip(own, made, strict=True)
    return [answered[position] for position in positions]


def _located(user_id: str, running: RunningView) -> Located:
    state = running.view.users.read(user_id)
    if not state.written_at and running.view.misplaced.partitions:
        found = read_elsewhere(running, user_id)
        if found is not None:
            return found
    return Located(state, running.view.routing.partition_of(user_id))


async def _ask_elsewhere(
    asked: BatchRequest, missing: _Positions, request: web.Request, running: RunningView
) -> tuple[dict[int, BatchResult], set[int]]:
    """Ask those who may have users who are not where murmur2 says; returns lists, and who is not settled."""
    owners, unowned = other_owners(running)
    replies = await asyncio.gather(
        *(_ask_worker(owner, asked, missing, request, running, elsewhere=True) for owner in owners)
    )
    found: dict[int, BatchResult] = {}
    unanswered: set[int] = set(missing) if unowned else set()
    for group in replies:
        for position, result in zip(missing, group, strict=True):
            if result.answer is not UNSET:
                found[position] = result
            elif result.status != UNKNOWN_USER.status:
                unanswered.add(position)
    return found, unanswered - found.keys()


async def _answer_peer(asked: BatchRequest, running: RunningView) -> BatchAnswer:
    """Return the lists of those users whom this worker's partitions have though murmur2 puts them elsewhere."""
    results: dict[int, BatchResult] = {}
    located: dict[int, tuple[str, Located]] = {}
    for position, user_id in enumerate(asked.user_ids):
        try:
            located[position] = user_id, asked_by_peer(running, user_id)
        except Problem as problem:
            results[position] = _failed(user_id, problem.details)
    results |= zip(located, await _answer(list(located.values()), asked, running), strict=True)
    return BatchAnswer([results[position] for position in range(len(asked.user_ids))])


async def _answer(
    users: Sequence[tuple[str, Located]], asked: BatchRequest, running: RunningView, *, stale: bool = False
) -> list[BatchResult]:
    query = query_for(asked.context, asked.limit)
    pinned = [running.recommender.pin(user, located.state, query) for user, located in users]
    return [
        _failed(user, answer.details)
        if isinstance(answer, Problem)
        else BatchResult(
            user_id=user,
            status=200,
            answer=msgspec.structs.replace(answer, stale=stale or answer.stale, kept_elsewhere=located.elsewhere),
        )
        for (user, located), answer in zip(users, await running.recommender.answer_all(pinned), strict=True)
    ]


async def _ask_standbys(
    asked: BatchRequest, request: web.Request, running: RunningView, results: dict[int, BatchResult]
) -> None:
    """Put what standbys answer in the place of what owners could not."""
    here: dict[int, Located] = {}
    by_standby: defaultdict[str, _Positions] = defaultdict(list)
    for position, result in results.items():
        if result.status != AWAY:
            continue
        state = running.read_standby(result.user_id)
        partition = running.view.routing.partition_of(result.user_id)
        standby = running.router.standby_of(partition, request)
        if state is not None:
            here[position] = Located(state, partition)
        elif standby is not None:
            by_standby[standby].append(position)
    replies = await asyncio.gather(
        _answer([(asked.user_ids[position], one) for position, one in here.items()], asked, running, stale=True),
        *(_ask_worker(standby, asked, positions, request, running) for standby, positions in by_standby.items()),
    )
    for positions, group in zip((list(here), *by_standby.values()), replies, strict=True):
        pairs = zip(positions, group, strict=True)
        results.update({position: result for position, result in pairs if result.status != AWAY})


async def _ask_worker(
    worker: str,
    asked: BatchRequest,
    positions: _Positions,
    request: web.Request,
    running: RunningView,
    *,
    elsewhere: bool = False,
) -> list[BatchResult]:
    users = tuple(asked.user_ids[position] for position in positions)
    body = msgspec.json.encode(msgspec.structs.replace(asked, user_ids=users))
    try:
        timeout_ms = peer_timeout_ms(running) if elsewhere else None
        reply = await running.peers.ask(worker, request, body, timeout_ms, elsewhere=elsewhere)
        if reply.status != 200:
            problem = _PROBLEM.decode(shallow(reply.body))
            return [_failed(user, problem) for user in users]
        return _checked(_ANSWER.decode(shallow(reply.body)), users)
    except Problem as problem:
        details = problem.details
    except msgspec.DecodeError as error:
        details = Problem(OWNER_UNREACHABLE, f"{worker} answered something else: {error}").details
    return [_failed(user, details) for user in users]


def _checked(answer: BatchAnswer, users: Sequence[str]) -> list[BatchResult]:
    """Return the results if they are of these users and hold items; raises `Problem` or `msgspec.DecodeError`."""
    if [result.user_id for result in answer.results] != list(users):
        raise Problem(OWNER_UNREACHABLE, "the owner answered for other users than it was asked for")
    for result in answer.results:
        if result.answer is not UNSET:
            _ITEMS.decode(result.answer.items)
    return answer.results


def _failed(user_id: str, problem: ProblemDetails) -> BatchResult:
    return BatchResult(user_id=user_id, status=problem.status, problem=problem)
