"""HTTPS with HTTP/2 in our own server, and the plain port beside it."""

from __future__ import annotations

import http.client
import re
import select
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.records import Records, Role
from tests.support.peers import START_SECONDS, free_port, run_tool
from tests.support.server import filmless
from tests.support.web import PASSWORD, start_viewer
from viewer.redirecting import CONNECTIONS_MAX, redirecting


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with certificate.pem and key.pem, as the documentation says to make it."""
    folder = tmp_path_factory.mktemp("tls") / "made"
    done = filmless("certificate", folder, "--host", "localhost", "--host", "127.0.0.1")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def ports(certificate: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """A server with HTTPS: its port, and the plain one."""
    data = tmp_path_factory.mktemp("data")
    with Records.open(data) as records:
        records.users.add("admin", Role.ADMIN, PASSWORD)
    https, plain = free_port(), free_port()
    tls = ["--tls-certificate", str(certificate / "certificate.pem"), "--tls-key", str(certificate / "key.pem")]
    process = start_viewer(data, https, *tls, "--http-redirect-port", str(plain), "--hsts-days", "7")
    try:
        _wait(https, process, certificate)
        yield https, plain
    finally:
        process.terminate()
        process.communicate(timeout=60)


def _wait(port: int, process: subprocess.Popen[str], certificate: Path) -> None:
    # Not with curl's own retries: each waits twice as long as the one before, soon for half a minute.
    context = ssl.create_default_context(cafile=str(certificate / "certificate.pem"))
    end = time.monotonic() + START_SECONDS
    while True:
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=60)
        try:
            connection.request("GET", "/login")
            assert connection.getresponse().status == 200
            return
        except OSError:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.1)
        finally:
            connection.close()


@pytest.mark.parametrize(("flag", "version"), [("--http2", "2"), ("--http1.1", "1.1")])
def test_browsers_choose_between_http_2_and_1(
    ports: tuple[int, int], certificate: Path, flag: str, version: str
) -> None:
    authority = certificate / "certificate.pem"
    done = run_tool(
        "curl", "-s", flag, "--cacert", authority, "-o", "/dev/null", "-w", "%{http_version} %{http_code}",
        f"https://localhost:{ports[0]}/login",
    )  # fmt: skip
    assert done.stdout == f"{version} 200"


def test_one_connection_carries_many_requests_at_once(ports: tuple[int, int]) -> None:
    addresses = [f"https://localhost:{ports[0]}/login?{i}" for i in range(30)]
    done = run_tool(
        "curl", "-sk", "--http2", "--parallel", "--parallel-max", "30", "-w", "%{http_version} %{num_connects}\n",
        *[part for address in addresses for part in ("-o", "/dev/null", address)],
    )  # fmt: skip
    lines = re.findall(r"^[0-9.]+ [0-9]+$", done.stdout, re.MULTILINE)
    assert len(lines) == 30
    assert all(line.startswith("2 ") for line in lines)
    assert sum(int(line.split()[1]) for line in lines) < 10


def test_the_cookie_goes_over_https_only(ports: tuple[int, int], certificate: Path) -> None:
    connection = _connect(ports[0], certificate)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/login", f"username=admin&password={PASSWORD.replace(' ', '+')}", form)
    answer = connection.getresponse()
    assert answer.status == 303
    cookie = answer.headers["Set-Cookie"]
    assert {"Secure", "HttpOnly", "SameSite=Lax"} <= {piece.strip() for piece in cookie.split(";")}
    connection.close()


def test_browsers_are_told_to_stay_when_that_is_asked_for(ports: tuple[int, int], certificate: Path) -> None:
    connection = _connect(ports[0], certificate)
    connection.request("GET", "/login")
    assert connection.getresponse().headers["Strict-Transport-Security"] == "max-age=604800"
    connection.close()


def _connect(port: int, certificate: Path) -> http.client.HTTPSConnection:
    context = ssl.create_default_context(cafile=str(certificate / "certificate.pem"))
    return http.client.HTTPSConnection("localhost", port, context=context, timeout=20)


def test_old_versions_of_tls_are_refused(ports: tuple[int, int]) -> None:
    done = run_tool("curl", "-sk", "--tls-max", "1.1", f"https://localhost:{ports[0]}/login", check=False)
    assert done.returncode == 35


# ---- the plain port


def _plain(port: int, method: str, path: str, host: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, headers={"Host": host})
    return connection.getresponse()


@pytest.mark.parametrize("host", ["pacs.example", "pacs.example:80", "10.0.0.1:8080", "[::1]:8080"])
def test_the_plain_port_leads_to_https(ports: tuple[int, int], host: str) -> None:
    answer = _plain(ports[1], "GET", "/study/1.2.3?x=1", host)
    name = host.rsplit(":", 1)[0] if not host.endswith(("example", "]")) else host
    assert (answer.status, answer.headers["Location"]) == (308, f"https://{name}:{ports[0]}/study/1.2.3?x=1")


@pytest.mark.parametrize("host", ["a/b", "evil.example\\@x", "", "a b", "x" * 300])
def test_a_host_that_is_none_is_400(ports: tuple[int, int], host: str) -> None:
    assert _plain(ports[1], "GET", "/", host).status == 400


def test_what_sends_a_password_in_clear_is_refused(ports: tuple[int, int]) -> None:
    assert _plain(ports[1], "POST", "/login", "pacs.example").status == 403


def test_silent_connections_do_not_pile_up() -> None:
    port = free_port()
    with redirecting("127.0.0.1", port, 443):
        silent = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(CONNECTIONS_MAX + 8)]
        ended: set[socket.socket] = set()
        deadline = time.monotonic() + 20
        while len(ended) < 8 and time.monotonic() < deadline:
            readable, _, _ = select.select([c for c in silent if c not in ended], [], [], 1)
            ended |= {connection for connection in readable if connection.recv(1) == b""}
        for connection in silent:
            connection.close()
        assert len(ended) >= 8


def test_no_port_is_opened_unless_asked_for() -> None:
    with redirecting("127.0.0.1", 0, 443):
        pass
