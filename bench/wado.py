"""WADO-RS beside Orthanc and nginx: frames, pictures, thumbnails, a study, a big object."""

from __future__ import annotations

import http.client
import random
import re
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pydicom

from bench import servers, web, work
from bench.report import Row
from bench.servers import free_port
from storage.archive import Archive
from storage.attributes import Level
from storage.importing import import_file
from storage.query import Query
from storage.settings import ArchiveSettings, Durability

ROUNDS = 3
SECONDS = 3
CONNECTIONS = (1, 8)
MULTIFRAME_MB = 512
FRAMES_ASKED = 600
_REQUESTS = re.compile(r"Requests/sec:\s+([0-9.]+)")
_OURS, _ORTHANC, _NGINX = "ours", "Orthanc", "nginx"
# Another window in every request, so that no picture comes from a cache.
_NEW_WINDOW = """
local n = 0
request = function()
  n = n + 1
  return wrk.format("GET", wrk.path .. "?window=" .. (n % 1500) .. "," .. (400 + n % 293) .. ",linear")
end
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody who is asked: where, what, and the header fields with it."""

    port: int
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sides:
    """Both archives with the 400-slice series in them."""

    ours: int
    token: str
    orthanc: int
    study: str
    series: str
    instance: str

    def both(self, path: str, accept: str = "*/*") -> dict[str, Asked]:
        """Ask both for the same; `{study}`, `{series}` and `{instance}` are filled in."""
        place = "/dicom-web/studies/" + path.format(study=self.study, series=self.series, instance=self.instance)
        return {
            _OURS: Asked(self.ours, place, {"Authorization": f"Bearer {self.token}", "Accept": accept}),
            _ORTHANC: Asked(self.orthanc, place, {"Accept": accept}),
        }


@contextmanager
def _sides() -> Iterator[Sides]:
    ds = pydicom.dcmread(work.files(work.ct_series())[0], stop_before_pixels=True)
    with ExitStack() as stack:
        orthanc = stack.enter_context(servers.orthanc())
        subprocess.run(
            ["storescu", "+sd", "+r", "127.0.0.1", str(orthanc.port), str(work.ct_series())],
            env=servers.peer_environment(), check=True, capture_output=True,
        )  # fmt: skip
        ours = stack.enter_context(web.viewer(web.ct_archive()))
        yield Sides(
            ours.port, ours.token, orthanc.http_port, ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID
        )


@contextmanager
def _nginx(name: str, content: bytes) -> Iterator[int]:
    """Serve one file with sendfile, by two workers."""
    with TemporaryDirectory(prefix="bench-") as folder:
        place, port = Path(folder), free_port()
        place.chmod(0o755)
        (place / name).write_bytes(content)
        (place / "nginx.conf").write_text(
            f"daemon off; worker_processes 2; pid {place}/pid; error_log {place}/error.log; events {{}}\n"
            "http { access_log off; sendfile on; keepalive_requests 1000000;\n"
            f"server {{ listen 127.0.0.1:{port}; root {place}; }} }}\n"
        )
        process = subprocess.Popen([shutil.which("nginx") or "/usr/sbin/nginx", "-c", f"{place}/nginx.conf"])
        try:
            _get_when_up(Asked(port, f"/{name}", {}))
            yield port
        finally:
            process.terminate()
            process.wait(20)


def _get_when_up(asked: Asked) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            _get(asked)
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"nothing answers on port {asked.port}")


def _get(asked: Asked) -> bytes:
    with closing(http.client.HTTPConnection("127.0.0.1", asked.port, timeout=120)) as connection:
        connection.request("GET", asked.path, headers=dict(asked.headers))
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{asked.path}: status {answer.status}: {body[:200]!r}")
        return body


def _rates(everybody: Mapping[str, Asked], connections: int, script: str = "") -> dict[str, float]:
    """Requests per second, the median of rounds in turn; the first round is for warming up."""
    rates: dict[str, list[float]] = {name: [] for name in everybody}
    for i in range(ROUNDS + 1):
        for name, asked in everybody.items():
            rate = _wrk(asked, connections, script)
            rates[name] += [rate] if i else []
    return {name: statistics.median(found) for name, found in rates.items()}


def _wrk(asked: Asked, connections: int, script: str) -> float:
    with TemporaryDirectory(prefix="bench-") as folder:
        command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}", "--timeout", "10s"]
        for name, value in asked.headers.items():
            command += ["-H", f"{name}: {value}"]
        if script:
            (Path(folder) / "script.lua").write_text(script)
            command += ["-s", f"{folder}/script.lua"]
        url = f"http://127.0.0.1:{asked.port}{asked.path}"
        out = subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout
    found = _REQUESTS.search(out)
    if found is None or "Non-2xx" in out:
        raise RuntimeError(f"requests failed: {out}")
    return float(found[1])


def _row(what: str, rates: Mapping[str, float], times: float) -> Row:
    factor = rates[_OURS] / rates[_ORTHANC]
    shown = ", ".join(f"{name} {rate:,.0f}" for name, rate in rates.items())
    return Row(what, f"{factor:.1f} x; per second: {shown}", f"{times:g} x Orthanc", factor >= times)


def frames() -> list[Row]:
    """One frame as it is stored, and nginx sending the same bytes from a file."""
    rows = []
    with _sides() as sides:
        everybody = sides.both("{study}/series/{series}/instances/{instance}/frames/1")
        body = _get(everybody[_OURS])
        with _nginx("frame", body) as port:
            for connections in CONNECTIONS:
                rates = _rates({**everybody, _NGINX: Asked(port, "/frame", {})}, connections)
                what = f"/frames/1, {connections} connection{'s' if connections > 1 else ''}"
                rows.append(_row(what, rates, 5))
                ratio = rates[_OURS] / rates[_NGINX]
                rows.append(Row(f"{what}, against nginx", f"{ratio:.2f}", "0.5", ratio >= 0.5))
    return rows


def rendered() -> list[Row]:
    """A picture in another window each time."""
    with _sides() as sides:
        everybody = sides.both("{study}/series/{series}/instances/{instance}/frames/1/rendered", "image/jpeg")
        return [
            _row(f"/rendered, a new window each time, {c} connection(s)", _rates(everybody, c, _NEW_WINDOW), 3)
            for c in CONNECTIONS
        ]


def thumbnail() -> list[Row]:
    """A thumbnail that was asked for before; where Orthanc has none, its picture at that size stands for it."""
    with _sides() as sides:
        ours = sides.both("{study}/series/{series}/thumbnail", "image/jpeg")
        small = "{study}/series/{series}/instances/{instance}/frames/1/rendered?viewport=144,144"
        theirs = sides.both(small, "image/jpeg")
        try:
            _get(ours[_ORTHANC])
            everybody, note = ours, ""
        except RuntimeError:
            everybody, note = {_OURS: ours[_OURS], _ORTHANC: theirs[_ORTHANC]}, " (Orthanc: rendered at that size)"
        return [_row(f"/thumbnail, warm, {c} connection(s){note}", _rates(everybody, c), 20) for c in CONNECTIONS]


def study() -> list[Row]:
    """The whole study, 210 MB in 400 parts."""
    with _sides() as sides:
        accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
        everybody = sides.both("{study}", accept)
        everybody[_ORTHANC] = sides.both("{study}", 'multipart/related; type="application/dicom"')[_ORTHANC]
        with _nginx("study", _get(everybody[_OURS])) as port:
            rates = _rates({**everybody, _NGINX: Asked(port, "/study", {})}, 1)
    factor = rates[_OURS] / rates[_ORTHANC]
    shown = ", ".join(f"{name} {1 / rate:.2f} s" for name, rate in rates.items())
    return [Row("study retrieve, 210 MB multipart", f"{factor:.1f} x faster; {shown}", "3 x Orthanc", factor >= 3)]


def multiframe() -> list[Row]:
    """Frames of a 512 MB object in random order: the first of them, the last of them, and the worker's memory."""
    data = _multiframe_archive()
    with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as archive:
        instance = archive.matching_instances(Query(Level.INSTANCE, ()))[0]
    uids = (instance.study_instance_uid, instance.series_instance_uid, instance.sop_instance_uid)
    order = list(range(1, (instance.number_of_frames or 1) + 1))
    random.Random(1).shuffle(order)
    with web.viewer(data, workers=1) as ours:
        path = "/dicom-web/studies/{}/series/{}/instances/{}/frames/".format(*uids)
        times = list(_timed(ours.port, [f"{path}{n}" for n in order[:FRAMES_ASKED]], ours.headers))
        memory = max(child.memory_info().rss for child in _workers(ours.port))
    third = len(times) // 3
    early, late = statistics.median(times[1:third]), statistics.median(times[-third:])
    p95 = sorted(times)[int(len(times) * 0.95)]
    return [
        Row(
            f"frames of a {MULTIFRAME_MB} MB object, random order",
            f"median {early * 1e3:.1f} ms in the first third, {late * 1e3:.1f} ms in the last, p95 {p95 * 1e3:.1f} ms",
            "flat",
            late < 1.5 * early,
        ),
        Row("memory of the worker after it", f"{memory / 1e6:.0f} MB", "under 300 MB", memory < 300e6),
    ]


def _timed(port: int, paths: Sequence[str], headers: Mapping[str, str]) -> Iterator[float]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        for path in paths:
            began = time.perf_counter()
            connection.request("GET", path, headers={**headers, "Accept": "application/octet-stream"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise RuntimeError(f"status {answer.status}")
            yield time.perf_counter() - began


def _workers(port: int) -> list[psutil.Process]:
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if any(c.laddr and c.laddr.port == port for c in process.net_connections())
    ]


def _multiframe_archive() -> Path:
    data = work.cache_folder() / f"web-multiframe-{MULTIFRAME_MB}"
    if not data.exists():
        half = data.with_name(f"{data.name}.half")
        shutil.rmtree(half, ignore_errors=True)
        source = work.multiframe(MULTIFRAME_MB)
        with Archive.open(ArchiveSettings(half, Durability.RELAXED, minimum_free_bytes=0)) as archive:
            list(import_file(archive, source))
        source.unlink()
        half.rename(data)
    return data


CASES: dict[str, Callable[[], list[Row]]] = {
    "frames": frames,
    "rendered": rendered,
    "thumbnail": thumbnail,
    "study": study,
    "multiframe": multiframe,
}
