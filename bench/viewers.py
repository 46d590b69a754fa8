"""The viewers that are measured, each with the same studies in its archive: ours, OHIF on Orthanc, OHIF on ours."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench import ohif, servers
from bench.places import new_folder
from bench.reading_work import Work
from bench.servers import free_port, peer_environment
from storage.records import Records, Role

OURS, OHIF, OHIF_ON_OURS = "filmless", "OHIF + Orthanc", "OHIF + filmless"
_USER, _PASSWORD = "radiologist", "a long one for the bench"
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Viewer:
    """Where a viewer answers, how a study is opened in it, and who is signed in."""

    name: str
    address: str
    study: str
    """Address of a study, with `{}` for its UID."""
    mpr: str
    cookies: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def viewers(works: Sequence[Work]) -> Iterator[list[Viewer]]:
    """Start all three with `works` in them."""
    with ExitStack() as stack:
        peer = stack.enter_context(servers.orthanc())
        dicom_port, http_port, token = stack.enter_context(_serving())
        for work in works:
            for title, port in (("ORTHANC", peer.port), ("FILMLESS", dicom_port)):
                command = ["storescu", "-aec", title, "+sd", "+r", "127.0.0.1", str(port), str(work.folder)]
                subprocess.run(command, env=peer_environment(), check=True, capture_output=True)
        on_orthanc = stack.enter_context(ohif.site(peer.http_port))
        on_ours = stack.enter_context(ohif.site(http_port, {"Authorization": f"Bearer {token}"}))
        address = f"http://127.0.0.1:{http_port}"
        ours = Viewer(OURS, address, "/study/{}", "/study/{}?layout=mpr", [_signed_in(http_port)])
        yield [ours, _ohif(OHIF, on_orthanc), *([_ohif(OHIF_ON_OURS, on_ours)] if _searches(http_port, token) else [])]


def _ohif(name: str, address: str) -> Viewer:
    study = "/viewer?StudyInstanceUIDs={}"
    return Viewer(name, address, study, f"{study}&hangingprotocolId=mpr")


@contextmanager
def _serving() -> Iterator[tuple[int, int, str]]:
    """`filmless serve` as it is by default; gives its DICOM and HTTP ports and a token."""
    folder, dicom_port, http_port = new_folder(), free_port(), free_port()
    data = folder / "data"
    with Records.open(data) as records:
        records.users.add(_USER, Role.RADIOLOGIST, _PASSWORD)
        token = records.tokens.add("bench", Role.RADIOLOGIST)
    command = [sys.executable, "-m", "pacs.cli", "serve", "--data", str(data), "--minimum-free-bytes", "0"]
    command += ["--dicom-host", "127.0.0.1", "--dicom-port", str(dicom_port)]
    command += ["--http-host", "127.0.0.1", "--http-port", str(http_port)]
    with (folder / "serve.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        servers.wait_for_echo(dicom_port, (process,), "FILMLESS")
        _wait(http_port)
        yield dicom_port, http_port, token
    finally:
        process.terminate()
        process.wait(30)


def _wait(port: int) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        try:
            if _ask(port, "GET", "/login")[0] == http.client.OK:
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the web side does not answer")


def _searches(port: int, token: str) -> bool:
    """Whether studies can be searched over DICOMweb, without which OHIF opens none."""
    status, _ = _ask(port, "GET", "/dicom-web/studies?limit=1", headers={"Authorization": f"Bearer {token}"})
    return status < http.client.BAD_REQUEST


def _signed_in(port: int) -> dict[str, Any]:
    body = f"username={_USER}&password={_PASSWORD.replace(' ', '+')}"
    _, cookie = _ask(port, "POST", "/login", body, {"Content-Type": "application/x-www-form-urlencoded"})
    name, _, value = cookie.split(";")[0].partition("=")
    return {"name": name, "value": value, "domain": "127.0.0.1", "path": "/"}


def _ask(port: int, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, body or None, headers or {})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.headers.get("Set-Cookie", "")
