"""Fixtures with a real server of the S3 protocol, in a process of its own.

``s3``
    The session's :class:`S3Server`; each test uses buckets of its own. The environment has its address and keys.
``own_s3``
    One for a single test, which may `stop`, `start`, `freeze` and `lock` it.
"""

import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Self
from urllib.request import Request, urlopen

import pytest

ROOT = Path(__file__).parents[2]
KEY, SECRET = "AKIANEARLINETESTS000", "a-secret/that+must=never-show"


class S3Server:
    """A server on loopback that lives as long as its context, at one address over restarts; a restart empties it."""

    def __init__(self) -> None:
        self._port = 0
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def environment(self) -> dict[str, str]:
        """The standard variables by which any client finds it, and nothing else that this machine may have."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start it; returns when it listens."""
        command = [sys.executable, "-m", "tests.support.s3_process", str(self._port)]
        self._process = subprocess.Popen(
            command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline())

    def stop(self) -> None:
        """End it at once; nobody listens then."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def freeze(self) -> None:
        """Stop answering; connections are still taken."""
        self._running().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Answer again."""
        self._running().send_signal(signal.SIGCONT)

    def lock(self) -> None:
        """Refuse the keys from now on."""
        self._send("POST", "moto-api/reset-auth", b"0")

    def make_bucket(self) -> str:
        """Make a bucket and return its URL, ``s3://...``."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        self._send("PUT", name)
        return f"s3://{name}"

    def _send(self, method: str, path: str, body: bytes | None = None) -> None:
        headers = {"Content-Type": "application/octet-stream"}
        with urlopen(Request(f"{self.url}/{path}", body, headers, method=method), timeout=10):  # noqa: S310 - loopback
            pass

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "the S3 server is stopped"
        return self._process


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    with S3Server() as server:
        yield server


@pytest.fixture
def s3(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    return _known(s3_server, monkeypatch)


@pytest.fixture
def own_s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    with S3Server() as server:
        yield _known(server, monkeypatch)


def _known(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> S3Server:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server
