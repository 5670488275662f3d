"""`nearline state erase`: what was removed where, and what is left where and for how long."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from app.cli import erase
from app.cli.failures import EXIT_NOT_YET
from tests.app.cli.running import Run


def answer(applied: bool, removed: list[bool | None]) -> dict[str, Any]:
    """What a worker tells; the last partition is the one that is not applied, if any is not."""
    partitions = [
        {"partition": number, "offset": 7, "applied": applied or number < len(removed) - 1, "removed": one}
        for number, one in enumerate(removed)
    ]
    return {"erasure_id": "0a1b", "user_id": "u/1", "applied": applied, "removed": 1, "partitions": partitions}


class Handler(BaseHTTPRequestHandler):
    seen: list[tuple[str, str | None]] = []  # noqa: RUF012 - shared by the requests of a test
    late: list[bool] = []  # noqa: RUF012 - for each request from now on, whether the erasure is not applied yet

    def do_DELETE(self) -> None:
        self._answer(self.path == "/v1/users/u%2F1", 202 if self.late else 200)

    def do_GET(self) -> None:
        self._answer(self.path == "/v1/erasures/0a1b", 200)

    def _answer(self, known: bool, status: int) -> None:
        self.seen.append((self.path, self.headers["Authorization"]))
        late = self.late.pop(0) if self.late else False
        told = answer(not late, [False, True, None]) if known else {"title": "Unavailable", "detail": "no owner"}
        body = json.dumps(told).encode()
        self.send_response(status if known else 503)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    Handler.seen.clear()
    Handler.late.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_the_admin_key_is_sent_and_what_is_left_is_told(run: Run, url: str) -> None:
    keys = {"NEARLINE_HTTP__READ_KEYS": "reading-key-1", "NEARLINE_HTTP__ADMIN_KEYS": "admin-key-1,admin-key-2"}
    result = run("state", "erase", "u/1", "--url", f"{url}/", **keys)
    assert result.exit_code == 0, result.stderr
    assert Handler.seen == [("/v1/users/u%2F1", "Bearer admin-key-1")]
    first, where, unknown, _, *rows = result.stdout.splitlines()
    assert first == "u/1 is erased in all 3 partitions"
    assert where == "something was removed in partitions 1"
    assert unknown == "whether anything was removed in partitions 2 is not known"
    left = {row.split("\t")[0] for row in rows}
    assert {"member-events", "member-events.dlq", "nearline-users-changelog", "nearline-popularity"} <= left
    assert (
        "member-events\tevents as sent, and the erasure with the user's id\t7 days after they were sent (retention.ms)"
        in rows
    )
    assert "nearline-users-changelog\ttombstones, with the user's id\t2 days after that (delete.retention.ms)" in rows


def test_scripts_get_one_object(run: Run, url: str) -> None:
    told = json.loads(run("state", "erase", "u/1", "--url", url, "--json").stdout)
    assert (told["user_id"], told["applied"], told["removed"]) == ("u/1", True, 1)
    assert told["status_path"] == "/v1/erasures/0a1b"
    assert all(one.keys() == {"where", "what", "until"} for one in told["left"])
    assert Handler.seen == [("/v1/users/u%2F1", None)]


def test_a_problem_is_told(run: Run, url: str) -> None:
    result = run("state", "erase", "other", "--url", url)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == f"nearline: {url} answered 503: no owner\n"


def test_what_takes_longer_is_asked_about_until_it_is_applied(
    run: Run, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase, "_PAUSE_SECONDS", 0.0)
    Handler.late[:] = [True, True, False]
    result = run("state", "erase", "u/1", "--url", url)
    assert result.exit_code == 0, result.stderr
    assert [path for path, _ in Handler.seen] == ["/v1/users/u%2F1", "/v1/erasures/0a1b", "/v1/erasures/0a1b"]


def test_what_is_only_accepted_has_a_status_of_its_own_and_a_place_to_ask(
    run: Run, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase, "_WAIT_SECONDS", 0.0)
    Handler.late[:] = [True] * 10
    result = run("state", "erase", "u/1", "--url", url)
    assert result.exit_code == EXIT_NOT_YET
    first = result.stdout.splitlines()[0]
    assert first == "u/1: sent, but not applied yet in partitions 2; ask at /v1/erasures/0a1b"
    Handler.late[:] = [True] * 10
    result = run("state", "erase", "u/1", "--url", url, "--json")
    assert result.exit_code == EXIT_NOT_YET
    assert json.loads(result.stdout)["applied"] is False


@pytest.mark.parametrize(
    ("user", "sent"),
    [
        ("..", ".."),
        (".", "."),
        ("../a", "..%2Fa"),
        ("a%2Fb", "a%252Fb"),
        ("?#;+ ", "%3F%23%3B%2B%20"),
        ("\u00e9", "%C3%A9"),
        ("-", "-"),
    ],
)
def test_an_id_is_sent_as_it_is_whatever_an_address_makes_of_its_characters(
    run: Run, url: str, user: str, sent: str
) -> None:
    run("state", "erase", "--url", url, "--", user)
    assert [path for path, _ in Handler.seen] == [f"/v1/users/{sent}"]
