"""Other projects' archives as remote nodes: DCMTK's dcmqrscp and storescp, and Orthanc, each on ports of its own."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.peers import START_SECONDS, free_port, peer_environment, require_tool, run_tool


@dataclass(frozen=True, slots=True)
class RemoteArchive:
    """A running one."""

    aet: str
    port: int
    folder: Path
    process: subprocess.Popen[bytes]
    http_port: int = 0

    def rest(self, path: str) -> Any:
        """Ask Orthanc's REST interface."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}/{path}", timeout=20) as answer:
            return json.load(answer)

    def post(self, path: str, body: Any) -> Any:
        """Have Orthanc do something."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.http_port}/{path}", data=json.dumps(body).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def forget_all(self) -> None:
        """Have Orthanc delete what it has."""
        for patient in self.rest("patients"):
            request = urllib.request.Request(f"http://127.0.0.1:{self.http_port}/patients/{patient}", method="DELETE")
            urllib.request.urlopen(request, timeout=20).close()


@contextmanager
def _running(
    folder: Path, aet: str, port: int, command: Sequence[str], http_port: int = 0, echo: Sequence[str | Path] = ()
) -> Iterator[RemoteArchive]:
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=peer_environment(), cwd=folder)
    try:
        _wait_for_echo(aet, port, process, echo)
        yield RemoteArchive(aet, port, folder, process, http_port)
    finally:
        # Asked to stop, Orthanc takes three seconds; nobody looks at what it keeps any more.
        process.kill()
        process.wait(20)


def _wait_for_echo(aet: str, port: int, process: subprocess.Popen[bytes], options: Sequence[str | Path]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if run_tool("echoscu", *options, "-aec", aet, "127.0.0.1", port, check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise AssertionError(f"{aet} does not answer on {port}")


@contextmanager
def dcmqrscp(
    folder: Path, destinations: Mapping[str, int], *, aet: str = "QRSCP", callers: str = "ANY"
) -> Iterator[RemoteArchive]:
    """DCMTK's archive; it may move to `destinations` on this computer, and lets `callers` ask."""
    database = folder / "database"
    database.mkdir(parents=True)
    port = free_port()
    hosts = "".join(f"{name.lower()} = ({name}, 127.0.0.1, {where})\n" for name, where in destinations.items())
    config = folder / "dcmqrscp.cfg"
    config.write_text(
        f"NetworkTCPPort  = {port}\nMaxPDUSize      = 131072\nMaxAssociations = 16\n"
        f"HostTable BEGIN\n{hosts}HostTable END\nVendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\n{aet} {database} RW (200, 1024mb) {callers}\nAETable END\n"
    )
    with _running(folder, aet, port, [require_tool("dcmqrscp"), "-c", str(config), str(port)]) as running:
        yield running


@contextmanager
def storescp(folder: Path, *options: str, aet: str = "STORE") -> Iterator[RemoteArchive]:
    """DCMTK's receiver: takes objects, answers no queries; they lie in `folder`/received."""
    received = folder / "received"
    received.mkdir(parents=True)
    port = free_port()
    command = [require_tool("storescp"), *options, "-od", str(received), "-aet", aet, str(port)]
    with _running(folder, aet, port, command) as running:
        yield running


@contextmanager
def orthanc(
    folder: Path,
    modalities: Mapping[str, Sequence[str | int] | Mapping[str, Any]] | None = None,
    *,
    echo: Sequence[str | Path] = (),
    **settings: Any,
) -> Iterator[RemoteArchive]:
    """Orthanc as Debian ships it, without plugins; `echo` is what echoscu needs to reach it, such as certificates."""
    folder.mkdir(parents=True, exist_ok=True)
    port, http_port = free_port(), free_port()
    config = {
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
        "DefaultEncoding": "Utf8",  # it answers in this whatever is asked for; its Latin-1 would drop letters
        "DicomModalities": dict(modalities or {}),
        "Plugins": [],
        **settings,
    }
    path = folder / "orthanc.json"
    path.write_text(json.dumps(config))
    with _running(folder, "ORTHANC", port, [require_tool("Orthanc"), str(path)], http_port, echo) as running:
        yield running
