"""`nearline state erase`: one request, then what is left where and for how long."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.app.cli.running import Run


class Handler(BaseHTTPRequestHandler):
    seen: list[tuple[str, str | None]] = []  # noqa: RUF012 - shared by the requests of a test

    def do_DELETE(self) -> None:
        self.seen.append((self.path, self.headers["Authorization"]))
        known = self.path == "/v1/users/u%2F1"
        body = b"" if known else json.dumps({"title": "Unavailable", "detail": "no owner"}).encode()
        self.send_response(204 if known else 503)
        if body:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def url() -> Iterator[str]:
    Handler.seen.clear()
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
    first, *rows = result.stdout.splitlines()
    assert first.startswith("u/1 is erased")
    left = {row.split("\t")[0] for row in rows}
    assert {"member-events", "member-events.dlq", "nearline-users-changelog", "nearline-popularity"} <= left
    assert "member-events\tevents as sent\t7 days after they were sent (retention.ms)" in rows


def test_scripts_get_one_object(run: Run, url: str) -> None:
    told = json.loads(run("state", "erase", "u/1", "--url", url, "--json").stdout)
    assert told["user_id"] == "u/1"
    assert all(one.keys() == {"where", "what", "until"} for one in told["left"])
    assert Handler.seen == [("/v1/users/u%2F1", None)]


def test_a_problem_is_told(run: Run, url: str) -> None:
    result = run("state", "erase", "other", "--url", url)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == f"nearline: {url} answered 503: no owner\n"
