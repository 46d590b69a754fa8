"""A whole `filmless serve` as a process, in a folder and on ports of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.peers import START_SECONDS, free_port

USER, PASSWORD = "doctor", "correct horse battery"
_COMMAND = (sys.executable, "-m", "pacs.cli")


@dataclass(slots=True)
class Serving:
    """A running archive."""

    data: Path
    dicom_port: int
    http_port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def address(self) -> str:
        """Where browsers go."""
        return f"http://127.0.0.1:{self.http_port}"

    def health(self) -> dict[str, object] | None:
        """What /healthz says; None while it does not answer with 200."""
        try:
            with urllib.request.urlopen(f"{self.address}/healthz", timeout=5) as answer:
                facts: dict[str, object] = json.load(answer)
                return facts
        except (urllib.error.URLError, OSError):
            return None


def filmless(*arguments: str | Path | int, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command line to its end."""
    command = [*_COMMAND, *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120, check=False)


@contextmanager
def serving(folder: Path, *options: str, user: bool = True) -> Iterator[Serving]:
    """Run `filmless serve` on `folder`/data until the block ends; it has the user `USER`, a radiologist."""
    data = folder / "data"
    if user:
        added = filmless(
            "user", "add", USER, "--role", "radiologist", "--password-stdin", "--data", data, stdin=PASSWORD
        )
        assert added.returncode == 0, added.stderr
    dicom_port, http_port = free_port(), free_port()
    where = ["--dicom-host", "127.0.0.1", "--http-host", "127.0.0.1"]
    ports = ["--dicom-port", str(dicom_port), "--http-port", str(http_port)]
    command = [*_COMMAND, "serve", "--data", str(data), "--minimum-free-bytes", "0", *where, *ports, *options]
    log = folder / "serve.log"
    with log.open("ab") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
    running = Serving(data, dicom_port, http_port, process, log)
    try:
        _wait(running)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _wait(running: Serving) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if running.process.poll() is not None:
            break
        if running.health() is not None:
            return
        time.sleep(0.1)
    raise AssertionError(f"filmless serve does not answer:\n{running.log.read_text()[-4000:]}")
