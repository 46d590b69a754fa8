"""The web side as a process, and what signs in to it."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from storage.records import Role
from tests.support.peers import START_SECONDS, free_port

PASSWORD = "correct horse battery"
HTML = {"Accept": "text/html"}


@dataclass(frozen=True)
class Server:
    """A running `python -m viewer`."""

    host: str
    port: int
    process: subprocess.Popen[str]

    @property
    def address(self) -> str:
        return f"http://{self.host}:{self.port}"

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.host, self.port, timeout=60)

    def cookie(self, role: Role = Role.RADIOLOGIST) -> str:
        """Sign in and return the Cookie header."""
        connection = self.connect()
        body = f"username={role.value}&password={PASSWORD.replace(' ', '+')}"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/login", body, headers)
        answer = connection.getresponse()
        assert answer.status == 303, answer.read()
        cookie = answer.headers["Set-Cookie"].split(";")[0]
        connection.close()
        return cookie


def start_viewer(data: Path, port: int, *more: str) -> subprocess.Popen[str]:
    """Start the server as a process of its own."""
    command = [sys.executable, "-m", "viewer", "--data", str(data), "--http-port", str(port), *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def wait_until_up(process: subprocess.Popen[str], port: int) -> None:
    """Return once the server answers; fail with what it said when it ended."""
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            pytest.fail(f"the server ended: {process.communicate()[0]}")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", "/login")
            if connection.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    pytest.fail("the server did not answer in time")


@contextmanager
def running(data: Path, *more: str) -> Iterator[Server]:
    """A server on an ephemeral port, stopped at the end."""
    port = free_port()
    process = start_viewer(data, port, *more)
    try:
        wait_until_up(process, port)
        yield Server("127.0.0.1", port, process)
    finally:
        process.terminate()
        process.communicate(timeout=60)
