"""The archives that are measured, each started fresh in a folder of its own on a loopback port."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.places import new_folder
from pacs.requestor import AssociationFailed, Node, Proposal, Requestor

_VERIFICATION = "1.2.840.10008.1.1"
_IMPLICIT = "1.2.840.10008.1.2"
_LOOK_SECONDS = 0.25
_IDLE_SHARE = 0.02
_PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Running:
    """An archive that answers."""

    name: str
    port: int
    processes: tuple[subprocess.Popen[bytes], ...]
    folder: Path
    http_port: int = 0

    def peak_memory(self) -> int:
        """Return the largest resident size that any of its processes ever had, in bytes."""
        return max(_peak(p.pid) for p in self.processes)


def _peak(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return psutil.Process(pid).memory_info().rss


Server = Callable[[], AbstractContextManager[Running]]


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def peer_environment() -> dict[str, str]:
    """DCMTK and Orthanc wait 40 ms for each message without this."""
    return {**os.environ, "TCP_NODELAY": "1"}


@contextmanager
def filmless(durability: str = "full", *, receivers: int = 2, data: Path | None = None) -> Iterator[Running]:
    """Our receivers, as many as `filmless serve` starts; `data` keeps a prepared archive between runs."""
    folder = new_folder()
    place, port = data or folder, free_port()
    command = [sys.executable, "-m", "pacs", "--data", str(place), "--dicom-host", "127.0.0.1"]
    command += ["--dicom-port", str(port), "--durability", durability, "--minimum-free-bytes", "0"]
    with _processes([command] * receivers, place) as processes:
        wait_for_echo(port, processes)
        yield _settled(Running(f"filmless ({durability})", port, processes, place))


@contextmanager
def storescp() -> Iterator[Running]:
    """DCMTK's storescp: writes files, syncs and indexes nothing."""
    folder = new_folder()
    port, received = free_port(), folder / "received"
    received.mkdir()
    with _processes([["storescp", "-od", str(received), str(port)]], folder) as processes:
        wait_for_echo(port, processes)
        yield _settled(Running("storescp", port, processes, folder))


@contextmanager
def dcmqrscp(store_port: int) -> Iterator[Running]:
    """DCMTK's dcmqrscp: an index of fixed size, nothing synced; STORE is a destination it knows."""
    folder = new_folder()
    port, database = free_port(), folder / "database"
    database.mkdir()
    config = folder / "dcmqrscp.cfg"
    config.write_text(
        f"NetworkTCPPort  = {port}\nMaxPDUSize      = 131072\nMaxAssociations = 16\n"
        f"HostTable BEGIN\nstore = (STORE, 127.0.0.1, {store_port})\nHostTable END\n"
        "VendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nQRSCP {database} RW (9, 4096mb) ANY\nAETable END\n"
    )
    with _processes([["dcmqrscp", "-c", str(config), str(port)]], folder) as processes:
        wait_for_echo(port, processes, "QRSCP")
        yield _settled(Running("dcmqrscp", port, processes, folder))


@contextmanager
def orthanc(modalities: Mapping[str, Sequence[str | int]] | None = None) -> Iterator[Running]:
    """Orthanc with its SQLite index, as Debian ships it, without plugins but DICOMweb's."""
    folder = new_folder()
    port, http_port = free_port(), free_port()
    settings = {
        "StorageDirectory": f"{folder}/storage",
        "IndexDirectory": f"{folder}/index",
        "DicomPort": port,
        "DicomAet": "ORTHANC",
        "HttpPort": http_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True,
        "DicomAlwaysAllowMove": True,
        "DicomModalities": dict(modalities or {}),
        "Plugins": [p for p in ["/usr/share/orthanc/plugins/libOrthancDicomWeb.so"] if Path(p).exists()],
    }
    config = folder / "orthanc.json"
    config.write_text(json.dumps(settings))
    with _processes([[shutil.which("Orthanc") or "/usr/sbin/Orthanc", str(config)]], folder) as processes:
        wait_for_echo(port, processes)
        yield _settled(Running("Orthanc", port, processes, folder, http_port))


def _settled(running: Running) -> Running:
    settle([process.pid for process in running.processes])
    return running


def settle(pids: Sequence[int]) -> None:
    """Wait until servers have done with starting, and what earlier work left in memory is on the disk."""
    os.sync()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    before = _cpu_seconds(pids)
    while time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
        now = _cpu_seconds(pids)
        if now - before < _IDLE_SHARE * _LOOK_SECONDS:
            break
        before = now


def _cpu_seconds(pids: Sequence[int]) -> float:
    """Return the CPU time of processes and of their children."""
    parents = [psutil.Process(pid) for pid in pids]
    children = [child for parent in parents for child in parent.children(recursive=True)]
    times = [process.cpu_times() for process in (*parents, *children)]
    return sum(t.user + t.system for t in times)


@contextmanager
def _processes(commands: Sequence[Sequence[str]], folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], ...]]:
    with (folder / "bench.log").open("ab") as log:
        started = tuple(subprocess.Popen(c, stdout=log, stderr=log, env=peer_environment()) for c in commands)
    try:
        yield started
    finally:
        for process in started:
            process.terminate()
        for process in started:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for_echo(port: int, processes: Sequence[subprocess.Popen[bytes]], aet: str = "ANY") -> None:
    """Wait until a server takes an association."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if any(p.poll() is not None for p in processes):
            raise RuntimeError("a server ended while starting")
        try:
            with Requestor(Node(aet, "127.0.0.1", port), "BENCH", [Proposal(_VERIFICATION, (_IMPLICIT,))]):
                return
        except AssociationFailed:
            time.sleep(0.1)
    raise RuntimeError(f"nothing answers on port {port}")
