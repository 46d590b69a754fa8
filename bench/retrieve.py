"""C-GET and C-MOVE of the 400-slice series beside dcmqrscp and Orthanc."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pydicom

from bench import servers, work
from bench.report import Row, median, seconds
from bench.servers import Running, free_port, peer_environment
from storage.archive import Archive
from storage.records import Peer, Records
from storage.settings import ArchiveSettings

ROUNDS = 5
_TITLES = {"filmless": "FILMLESS", "dcmqrscp": "QRSCP", "orthanc": "ORTHANC"}


@contextmanager
def _targets(store_port: int) -> Iterator[dict[str, Running]]:
    """All three with the series in them, and with STORE for a destination."""
    with ExitStack() as stack:
        data = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)), Records.open(data) as records:
            records.peers.add(Peer("workstation", "WORKSTATION", "127.0.0.1", 104))
            records.peers.add(Peer("store", "STORE", "127.0.0.1", store_port))
        running = {
            "filmless": stack.enter_context(servers.filmless(data=data)),
            "dcmqrscp": stack.enter_context(servers.dcmqrscp(store_port)),
            "orthanc": stack.enter_context(servers.orthanc({"store": ["STORE", "127.0.0.1", store_port]})),
        }
        for name, one in running.items():
            _run("storescu", "-aec", _TITLES[name], "+sd", "+r", "127.0.0.1", str(one.port), str(work.ct_series()))
        yield running


def _run(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=peer_environment(), check=True, capture_output=True)
    return time.perf_counter() - began


def _keys() -> list[str]:
    ds = pydicom.dcmread(work.files(work.ct_series())[0], stop_before_pixels=True)
    uids = (f"StudyInstanceUID={ds.StudyInstanceUID}", f"SeriesInstanceUID={ds.SeriesInstanceUID}")
    return [part for key in ("QueryRetrieveLevel=SERIES", *uids) for part in ("-k", key)]


def _measure(running: dict[str, Running], folder: Path, command: Callable[[str], list[str]]) -> dict[str, list[float]]:
    """Retrieve from each in turn, round after round, one round before to warm up; every object has to arrive."""
    times: dict[str, list[float]] = {name: [] for name in running}
    expected = len(work.files(work.ct_series()))
    for i in range(ROUNDS + 1):
        for name, one in running.items():
            for path in folder.iterdir():
                path.unlink()
            took = _run(*command(_TITLES[name]), *_keys(), "127.0.0.1", str(one.port))
            arrived = sum(1 for _ in folder.iterdir())
            if arrived != expected:
                raise RuntimeError(f"{arrived} of {expected} objects came from {name}")
            if i:
                times[name].append(took)
    return times


def _rows(what: str, times: dict[str, list[float]]) -> list[Row]:
    ours, peer, orthanc = (median(times[name]) for name in ("filmless", "dcmqrscp", "orthanc"))
    shown = ", ".join(f"{name} {seconds(values)}" for name, values in times.items())
    return [
        Row(what, f"{ours / peer:.2f} x dcmqrscp's time; {shown}", "at most 1.3 x", ours <= 1.3 * peer),
        Row("the same against Orthanc", f"{orthanc / ours:.1f} x faster", "faster", orthanc > ours),
    ]


def get() -> list[Row]:
    """C-GET with getscu."""
    with TemporaryDirectory(prefix="bench-") as folder, _targets(free_port()) as running:
        begin = ["getscu", "-S", "-aet", "WORKSTATION", "-od", folder]
        return _rows("C-GET of 400 slices", _measure(running, Path(folder), lambda title: [*begin, "-aec", title]))


def move() -> list[Row]:
    """C-MOVE with movescu to storescp."""
    with servers.storescp() as store, _targets(store.port) as running:
        folder = store.folder / "received"
        begin = ["movescu", "-S", "-aet", "WORKSTATION", "-aem", "STORE"]
        return _rows("C-MOVE of 400 slices", _measure(running, folder, lambda title: [*begin, "-aec", title]))


CASES: dict[str, Callable[[], list[Row]]] = {"get": get, "move": move}
