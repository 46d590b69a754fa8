"""Counterparts of DICOMweb: what `tests/install-web-peers` has fetched, Orthanc, and an archive of samples for them."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage.archive import Archive
from storage.importing import Imported, find_files, import_file
from storage.records import Records, Role
from storage.settings import ArchiveSettings
from tests.support.peers import START_SECONDS, free_port, peer_environment, require_tool
from tests.support.web import PASSWORD

SAMPLES = Path(__file__).parents[2] / "sample_dicom" / "studies"
OHIF, DCMJS = "ohif-3.12.10", "dcmjs-0.52.2"


def fetched(name: str) -> Path:
    """Return the folder of something from npm, or skip the test by its name; with CI=true that is a failure."""
    default = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "filmless-tests"
    folder = Path(os.environ.get("FILMLESS_TEST_CACHE") or default) / name
    if not folder.exists():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not in the cache; tests/install-web-peers fetches it")
        pytest.skip(f"{name} is not in the cache; tests/install-web-peers fetches it")
    return folder


@dataclass(frozen=True)
class Samples:
    """A data folder with the sample studies, an admin with the common password, and tokens by role."""

    data: Path
    tokens: Mapping[Role, str]


def samples(data: Path, only: Sequence[str] | None = None) -> Samples:
    """Fill a data folder with sample studies: those of these folders, all for None."""
    with Records.open(data) as records:
        records.users.add("admin", Role.ADMIN, PASSWORD)
        tokens = {role: records.tokens.add(role.value, role) for role in Role}
    with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as archive:
        for path in find_files([SAMPLES] if only is None else [SAMPLES / name for name in only]):
            for result in import_file(archive, path):
                assert result.outcome in (Imported.STORED, Imported.NOT_DICOM), result
    return Samples(data, tokens)


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc with its DICOMweb plugin."""

    port: int

    def get(self, path: str) -> Any:
        """Return JSON."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
            return json.load(answer)

    def post(self, path: str, body: Any, method: str = "POST") -> Any:
        """Send JSON, return JSON, None for an empty answer."""
        data = json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
            return json.loads(text) if text else None


@contextmanager
def orthanc(folder: Path, server: Mapping[str, Any]) -> Iterator[Orthanc]:
    """Run Orthanc with `server` as the remote DICOMweb server "filmless"."""
    program = require_tool("Orthanc")
    plugin = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
    if not plugin.exists():
        pytest.skip("orthanc-dicomweb is not installed")
    port = free_port()
    settings = {
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "DicomServerEnabled": False,
        "HttpPort": port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "Plugins": [str(plugin)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "Servers": {"filmless": dict(server)}},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with (folder / "orthanc.log").open("wb") as log:
        command = [program, str(folder / "orthanc.json")]
        process = subprocess.Popen(command, stdout=log, stderr=log, env=peer_environment())
    try:
        _wait(port, process, folder / "orthanc.log")
        yield Orthanc(port)
    finally:
        # Asked to stop, Orthanc takes three seconds; nobody looks at what it keeps any more.
        process.kill()
        process.wait(20)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/system", timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"Orthanc does not answer:\n{log.read_text()[-2000:]}")
