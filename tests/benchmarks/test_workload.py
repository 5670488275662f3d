"""Both sides of the comparisons get the same work and do the same: the baseline's lists are the product's."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from agents.users.user_state import UserState
from models.feedback.events import decode_event
from models.inference.recommend import recommend
from tests.benchmarks import memory, takeover
from tests.benchmarks.bench import Bench
from tests.benchmarks.http_client import Connection, answer_size, answer_times, get_request, requests_per_second
from tests.benchmarks.plain_faust_rates import plain_history
from tests.benchmarks.plain_scores import PlainModel
from tests.benchmarks.same_work import compare, expected
from tests.benchmarks.sizes import FULL, QUICK
from tests.benchmarks.waiting import BenchmarkFailed
from tests.benchmarks.workload import (
    event_records,
    histories,
    histories_before,
    random_model,
    stored_state,
    user_id,
)

_N_VIDEOS, _N_FACTORS, _TOP = 300, 8, 10
_Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def test_every_event_is_valid_and_of_another_user() -> None:
    records = list(event_records(5, 50, _N_VIDEOS, "e"))
    users = [decode_event(value, key, now=4e9).user_id for key, value in records]
    assert users == [user_id(number) for number in range(5, 55)]


def test_histories_have_their_length_and_survive_being_stored() -> None:
    model = random_model(_N_VIDEOS, _N_FACTORS)
    for history in histories(3, 20, _N_VIDEOS):
        assert len(history.seen()) == 20
        state = stored_state(history, model, None)
        assert UserState.decode(state.encode()).history == history


def test_no_event_of_a_run_has_the_id_of_another() -> None:
    """The events of all repeats that go to one deployment, in the sizes that `./deploy/bench` has by default."""
    bench, ids = Bench("nowhere", Path(), FULL), list[str]()
    for bench.repeat in range(2):
        for records in (memory.events_of(bench), takeover.events_of(bench, 0), takeover.events_of(bench, 1)):
            ids += [decode_event(value, key, now=4e9).event_id for key, value in records]
    assert len(ids) == 2 * (5_000 + 2 * 10_000)
    assert len(set(ids)) == len(ids)


def test_the_same_users_may_have_events_of_several_series() -> None:
    bench = Bench("nowhere", Path(), QUICK)
    first, second = (dict(bench.events(3, 20, _N_VIDEOS)) for _ in range(2))
    assert first.keys() == second.keys()
    events = [decode_event(value, key, now=4e9) for one in (first, second) for key, value in one.items()]
    assert len({event.event_id for event in events}) == 40
    assert [event.video_id for event in events[:20]] == [event.video_id for event in events[20:]]


@pytest.mark.parametrize("facts", [1, 20])
def test_plain_numerics_give_the_same_lists(facts: int) -> None:
    model = random_model(_N_VIDEOS, _N_FACTORS)
    users = histories(5, facts, _N_VIDEOS)
    liked = [[(video, 5.0) for video in history.videos] for history in users]
    plain = PlainModel(model.factors)
    singles = [plain.best(one, _TOP) for one in liked]
    for best, (rows, scores), (batch_rows, _) in zip(
        recommend(model, users, _TOP), singles, plain.best_of_all(liked, _TOP), strict=True
    ):
        assert rows.tolist() == batch_rows.tolist() == best.rows.tolist()
        np.testing.assert_allclose(scores, best.scores, rtol=1e-4)


def test_both_sides_are_given_the_same_histories_and_held_to_the_same_lists() -> None:
    sizes = replace(QUICK, n_videos=_N_VIDEOS, n_factors=_N_FACTORS, top=_TOP, events=40)
    bench = Bench("nowhere", Path(), sizes, facts=20)
    before = histories_before(sizes.events, bench.facts, sizes.n_videos)
    events = [decode_event(value, key, now=4e9) for key, value in event_records(0, sizes.events, sizes.n_videos, "e")]
    plain = PlainModel(bench.model.factors)
    lists = {}
    for user, (history, event) in enumerate(zip(before, events, strict=True)):
        row = UserState.decode(stored_state(history, bench.model, None).encode())  # what a worker recovers
        value = json.loads(plain_history(history))  # what plain Faust recovers
        assert [video for video, _ in value] == list(row.history.videos) == list(history.videos)
        lists[user] = plain.best([*map(tuple, value), (event.video_id, 5.0)], _TOP)[0].tolist()
    wanted = expected(bench, range(sizes.events))
    assert len(wanted) > 30  # the event of a few is about a video that they know
    compare("plain", wanted, lists)
    lists[min(wanted)] = list(reversed(range(_TOP)))
    with pytest.raises(BenchmarkFailed, match="plain gave user"):
        compare("plain", wanted, lists)
    with pytest.raises(BenchmarkFailed, match="no list"):
        compare("plain", {}, lists)


def test_an_answer_ends_where_its_length_says() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    assert answer_size(head + b"hello and more") == len(head) + 5
    assert answer_size(head[:-2]) is None


async def test_the_client_counts_whole_answers_only() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (await reader.readuntil(b"\r\n\r\n")).startswith(b"GET /good "):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r")
            await writer.drain()
            writer.write(b"\nok")
        writer.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(_forgiving(answer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        assert await requests_per_second(port, [get_request("/good")], 2, 0.05) > 0
        assert len(await answer_times(port, [get_request("/good")], 200, 0.05)) == 10
        connection = await Connection.to(port)
        assert (await connection.get(get_request("/good"))).endswith(b"ok")
        with pytest.raises(ConnectionError, match="503"):
            await connection.get(get_request("/bad"))
        connection.close()


def _forgiving(answer: _Handler) -> _Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await answer(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    return handler
