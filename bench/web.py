"""DICOMweb: metadata beside Orthanc, a series of 24,000 instances, and queries of a million studies over HTTP."""

from __future__ import annotations

import http.client
import json
import re
import secrets
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pydicom
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from bench import prefill, servers, work
from bench.report import Row
from bench.servers import free_port
from sample_dicom.small import ct_slice
from storage.archive import INDEX_NAME, Archive
from storage.importing import find_files, import_file
from storage.incoming import Announced
from storage.model import Source
from storage.records import Records, Role
from storage.settings import ArchiveSettings, Durability
from storage.warm import warm

STUDIES, PER_STUDY = 1_000_000, 5
LARGE_SERIES = 24_000
_WRK_SECONDS = 4
_ROUNDS = 3
_QUERY_ROUNDS = 60
_REQUESTS = re.compile(r"Requests/sec:\s+([0-9.]+)")
# What is asked; `{}` changes from round to round, so that no answer comes from a cache. The mix is that of C-FIND.
_QUESTIONS: Mapping[str, str] = {
    "newest first": "",
    "by ID": "PatientID=BN{n:07}",
    "by ID that nobody has": "PatientID=XX{n:07}",
    "by date range": "StudyDate=20{y:02}{m:02}01-20{y:02}{m:02}28",
    "by date range without studies": "StudyDate=19{y:02}{m:02}01-19{y:02}{m:02}28",
    "by name prefix": "PatientName=NGUYEN*",
    "by name prefix that nobody has": "PatientName=QX{n}*",
    "by name prefix that is common elsewhere": "PatientName=THI*",
    "by *thi* in the middle": "PatientName=*thi*",
    "by a piece that nobody has": "PatientName=*qx{n}z*",
    "by modality and date": "ModalitiesInStudy=CT&StudyDate=20{y:02}{m:02}01-20{y:02}{m:02}28",
    "by a modality without studies and date": "ModalitiesInStudy=PT&StudyDate=20{y:02}0101-20{y:02}1231",
}


@dataclass(frozen=True, slots=True)
class Viewer:
    """Our web side, running, and who may ask it."""

    port: int
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What a client sends with each request."""
        return {"Authorization": f"Bearer {self.token}", "Accept": "application/dicom+json"}


@contextmanager
def viewer(data: Path, workers: int = 2) -> Iterator[Viewer]:
    """Serve a data folder by so many web processes."""
    with Records.open(data) as records:
        token = records.tokens.add(f"bench-{secrets.token_hex(8)}", Role.RADIOLOGIST)
    port = free_port()
    command = [sys.executable, "-m", "viewer", "--data", str(data), "--http-port", str(port)]
    command += ["--workers", str(workers), "--minimum-free-bytes", "0"]
    with (data / "bench.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        _wait(port, process)
        # One process answers while the others still start, which takes more than a second of a processor for each.
        servers.settle([process.pid])
        yield Viewer(port, token)
    finally:
        process.terminate()
        process.wait(20)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError("the viewer ended while starting")
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/login")
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(0.1)
        finally:
            connection.close()
    raise RuntimeError("the viewer does not answer")


def ct_archive() -> Path:
    """An archive with the 400-slice series, kept between runs."""
    data = work.cache_folder() / "web-ct-400"
    if not data.exists():
        half = data.with_name(f"{data.name}.half")
        shutil.rmtree(half, ignore_errors=True)
        with Archive.open(ArchiveSettings(half, Durability.RELAXED, minimum_free_bytes=0)) as archive:
            for path in find_files([work.ct_series()]):
                list(import_file(archive, path))
        half.rename(data)
    return data


def large_archive() -> Path:
    """An archive with a series of 24,000 small instances, kept between runs."""
    data = work.cache_folder() / f"web-series-{LARGE_SERIES}"
    if not data.exists():
        half = data.with_name(f"{data.name}.half")
        shutil.rmtree(half, ignore_errors=True)
        with Archive.open(ArchiveSettings(half, Durability.RELAXED, minimum_free_bytes=0)) as archive:
            for uid, encoded in _many_slices(LARGE_SERIES):
                announced = Announced("1.2.840.10008.5.1.4.1.1.2", uid, "1.2.840.10008.1.2.1")
                with archive.receive(announced, Source("BENCH")) as incoming:
                    incoming.write(encoded)
                    incoming.keep()
        half.rename(data)
    return data


def _many_slices(count: int) -> Iterator[tuple[str, bytes]]:
    """One slice, encoded once; UID, number and position are changed in its bytes."""
    uid, number = "1.2.826.0.1.3680043.10.997.100000", "77777"
    ds = ct_slice(study_uid="1.2.3.1", series_uid="1.2.3.1.1", sop_uid=uid, rows=16)
    ds.InstanceNumber = number
    ds.SliceLocation = number
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    del ds.file_meta
    write_dataset(buffer, ds)
    template = buffer.getvalue()
    for i in range(count):
        changed = uid[:-6] + f"{100_000 + i}"
        yield changed, template.replace(uid.encode(), changed.encode()).replace(number.encode(), f"{i + 1:05}".encode())


def metadata() -> list[Row]:
    """Series metadata of 400 instances, from us and Orthanc in turn, by `wrk` with one connection."""
    ds = pydicom.dcmread(work.files(work.ct_series())[0], stop_before_pixels=True)
    path = f"/dicom-web/studies/{ds.StudyInstanceUID}/series/{ds.SeriesInstanceUID}/metadata"
    with ExitStack() as stack:
        orthanc = stack.enter_context(servers.orthanc())
        subprocess.run(
            ["storescu", "+sd", "+r", "127.0.0.1", str(orthanc.port), str(work.ct_series())],
            env=servers.peer_environment(), check=True, capture_output=True,
        )  # fmt: skip
        ours = stack.enter_context(viewer(ct_archive()))
        rates: dict[str, list[float]] = {"ours": [], "gzip": [], "Orthanc": []}
        for i in range(_ROUNDS + 1):
            found = {
                "ours": wrk(ours.port, path, ours.headers),
                "gzip": wrk(ours.port, path, {**ours.headers, "Accept-Encoding": "gzip"}),
                "Orthanc": wrk(orthanc.http_port, path, {"Accept": "application/dicom+json"}),
            }
            for name, rate in found.items():
                rates[name] += [rate] if i else []
    mine, gzipped, theirs = (statistics.median(rates[name]) for name in ("ours", "gzip", "Orthanc"))
    shown = f"{mine:.0f} per s ({gzipped:.0f} with gzip), Orthanc {theirs:.2f} per s"
    return [
        Row("series metadata, 400 instances", f"{mine / theirs:.0f} x faster; {shown}", "20 x", mine >= 20 * theirs)
    ]


def wrk(port: int, path: str, headers: Mapping[str, str], connections: int = 1) -> float:
    """Return requests per second; every one has to succeed."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{_WRK_SECONDS}", "--timeout", "10s"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    out = subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"], check=True, capture_output=True, text=True
    ).stdout
    found = _REQUESTS.search(out)
    if found is None or "Non-2xx" in out:
        raise RuntimeError(f"requests failed: {out}")
    return float(found[1])


def large() -> list[Row]:
    """The first byte, and all, of the metadata of 24,000 instances: nothing prepared, then prepared."""
    data = large_archive()
    path = "/dicom-web/studies/1.2.3.1/series/1.2.3.1.1/metadata"
    times: dict[str, tuple[float, float]] = {}
    for encoding in ("identity", "gzip"):
        shutil.rmtree(data / "cache" / "metadata", ignore_errors=True)
        with viewer(data, workers=1) as ours:
            for state in ("cold", "warm"):
                times[f"{state}, {encoding}"] = _timed(ours, path, {"Accept-Encoding": encoding})
    rows = []
    for name, (first, all_of_it) in times.items():
        goal = 5.0 if name.startswith("cold") else 0.2
        measured = f"first byte after {first * 1e3:.0f} ms, all after {all_of_it:.1f} s"
        rows.append(Row(f"metadata of {LARGE_SERIES:,} instances, {name}", measured, f"{goal:g} s", first < goal))
    return rows


def _timed(ours: Viewer, path: str, headers: Mapping[str, str]) -> tuple[float, float]:
    connection = http.client.HTTPConnection("127.0.0.1", ours.port, timeout=120)
    began = time.perf_counter()
    connection.request("GET", path, headers={**ours.headers, **headers})
    answer = connection.getresponse()
    answer.read(1)
    first = time.perf_counter() - began
    length = len(answer.read())
    if answer.status != 200 or length < LARGE_SERIES:
        raise RuntimeError(f"status {answer.status}, {length} bytes")
    connection.close()
    return first, time.perf_counter() - began


def qido() -> list[Row]:
    """Each question to an index of 1,000,000 studies, 50 answers, over one connection."""
    data = work.cache_folder() / f"index-{STUDIES * PER_STUDY}"
    if not (data / INDEX_NAME).exists():
        half = data.with_name(f"{data.name}.half")
        prefill.archive(half, STUDIES * PER_STUDY, per_study=PER_STUDY).rename(data)
    # As `filmless serve` does it at its start; the web side alone does not.
    warm(data / INDEX_NAME, threading.Event())
    rows = []
    with viewer(data, workers=1) as ours:
        connection = http.client.HTTPConnection("127.0.0.1", ours.port, timeout=120)
        for name, question in _QUESTIONS.items():
            times = sorted(_asked(connection, ours, question, i) for i in range(_QUERY_ROUNDS))
            p95 = times[int(len(times) * 0.95)]
            measured = (
                f"p95 {p95 * 1e3:.1f} ms (median {statistics.median(times) * 1e3:.1f}, most {times[-1] * 1e3:.1f})"
            )
            rows.append(Row(f"QIDO, {STUDIES:,} studies, {name}", measured, "p95 under 25 ms", p95 < 0.025))
    return rows


def _asked(connection: http.client.HTTPConnection, ours: Viewer, question: str, i: int) -> float:
    filled = question.format(n=i * 37, y=16 + i % 9, m=1 + i % 12)
    began = time.perf_counter()
    connection.request("GET", f"/dicom-web/studies?limit=50&{quote(filled, safe='=&*')}", headers=ours.headers)
    answer = connection.getresponse()
    body = answer.read()
    took = time.perf_counter() - began
    if answer.status != 200 or not isinstance(json.loads(body), list):
        raise RuntimeError(f"status {answer.status}: {body[:200]!r}")
    return took


CASES: dict[str, Callable[[], list[Row]]] = {"metadata": metadata, "large": large, "qido": qido}
