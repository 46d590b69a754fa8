"""STOW-RS beside Orthanc: the 400-slice series in one request, and by four clients at once."""

from __future__ import annotations

import http.client
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from bench import servers, web, work
from bench.places import new_folder
from bench.report import Row, median, seconds

ROUNDS = 3
_BOUNDARY = "a-boundary-of-the-benchmark"
_FIELDS = {"Content-Type": f'multipart/related; type="application/dicom"; boundary={_BOUNDARY}'}


@dataclass(frozen=True, slots=True)
class _Target:
    port: int
    headers: Mapping[str, str]


@contextmanager
def _ours() -> Iterator[_Target]:
    with web.viewer(new_folder()) as running:
        yield _Target(running.port, {"Authorization": f"Bearer {running.token}"})


@contextmanager
def _orthanc() -> Iterator[_Target]:
    with servers.orthanc() as running:
        yield _Target(running.http_port, {})


def _body(files: Sequence[Path], to: Path) -> Path:
    """Write a whole request body, so that the client has nothing to do but to send a file."""
    with to.open("wb") as out:
        for path in files:
            out.write(f"--{_BOUNDARY}\r\nContent-Type: application/dicom\r\n\r\n".encode())
            with path.open("rb") as f:
                shutil.copyfileobj(f, out, 1 << 20)
            out.write(b"\r\n")
        out.write(f"--{_BOUNDARY}--\r\n".encode())
    return to


def _post(target: _Target, body: Path) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=300)
    length = {"Content-Length": str(body.stat().st_size), "Accept": "application/dicom+json"}
    connection.blocksize = 1 << 20
    with body.open("rb") as f:
        connection.request("POST", "/dicom-web/studies", f, {**_FIELDS, **length, **target.headers})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {text[:300]!r}")


def _alternate(bodies: Sequence[Path]) -> dict[str, list[float]]:
    """Send all bodies at once to each in turn, each time to an empty archive; one round before to warm up."""
    times: dict[str, list[float]] = {"ours": [], "Orthanc": []}
    for i in range(ROUNDS + 1):
        for name, target in (("ours", _ours), ("Orthanc", _orthanc)):
            with target() as running, ThreadPoolExecutor(len(bodies)) as clients:
                began = perf_counter()
                list(clients.map(_post, [running] * len(bodies), bodies))
                took = perf_counter() - began
            if i:
                times[name].append(took)
    return times


def _rows(what: str, bodies: Sequence[Path], goal: float | None) -> list[Row]:
    times = _alternate(bodies)
    ratio = median(times["Orthanc"]) / median(times["ours"])
    shown = ", ".join(f"{name} {seconds(values)}" for name, values in times.items())
    wanted = f"at least {goal:.0f} x" if goal else ""
    return [Row(what, f"{ratio:.1f} x faster than Orthanc; {shown}", wanted, None if goal is None else ratio >= goal)]


def stow() -> list[Row]:
    """The 400-slice series: one request; a quarter of it from each of four clients."""
    files = work.files(work.ct_series())
    with TemporaryDirectory(prefix="bench-") as folder:
        whole = _body(files, Path(folder) / "whole")
        quarters = [_body(files[i::4], Path(folder) / f"quarter-{i}") for i in range(4)]
        return [
            *_rows("STOW of the 400-slice series, synced and indexed", [whole], 2),
            *_rows("the same by 4 clients at once", quarters, None),
        ]


CASES: dict[str, Callable[[], list[Row]]] = {"stow": stow}
