import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.app.cli.running import Run

ANSWER = {
    "user_id": "u/1",
    "source": "nearline",
    "stale": False,
    "model_version": "v1",
    "items": [
        {"video_id": "a", "title": "An \x1b[31mA[bold]", "score": 0.5},
        {"video_id": "b", "title": None, "score": 0.25},
    ],
}


class Handler(BaseHTTPRequestHandler):
    seen: list[tuple[str, str | None]] = []  # noqa: RUF012 - shared by the requests of a test

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["Authorization"]))
        known = self.path.startswith("/v1/users/u%2F1/")
        body = json.dumps(ANSWER if known else {"title": "Unavailable", "detail": "no owner"}).encode()
        self.send_response(200 if known else 503)
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


def test_the_list_is_shown_with_titles(run: Run, url: str) -> None:
    result = run("query", "u/1", "--url", f"{url}/", "--limit", "2")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "u/1: nearline, model v1",
        "1\tAn \\x1b[31mA[bold]\ta\t0.5000",
        "2\tb\tb\t0.2500",
    ]
    assert Handler.seen == [("/v1/users/u%2F1/recommendations?limit=2", None)]


def test_scripts_get_the_answer_as_it_is(run: Run, url: str) -> None:
    assert json.loads(run("query", "u/1", "--url", url, "--json").stdout) == ANSWER


def test_the_key_of_the_settings_is_sent(run: Run, url: str) -> None:
    run("query", "u/1", "--url", url, NEARLINE_HTTP__READ_KEYS="read-key-1,read-key-2")
    assert Handler.seen[0][1] == "Bearer read-key-1"


def test_a_problem_is_told(run: Run, url: str) -> None:
    result = run("query", "other", "--url", url)
    assert result.exit_code == 1
    assert result.stderr == f"nearline: {url} answered 503: no owner\n"


def test_nobody_there(run: Run) -> None:
    result = run("query", "u", "--url", "http://127.0.0.1:1")
    assert result.exit_code == 1
    assert result.stderr.startswith("nearline: no answer from http://127.0.0.1:1: ")
