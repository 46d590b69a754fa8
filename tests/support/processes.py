"""The archive as real processes: `filmless serve`, or DICOM receivers alone, on ports and folders of their own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.support.peers import START_SECONDS, free_port

ROOT = Path(__file__).resolve().parents[2]


def clean_environment() -> dict[str, str]:
    """The environment without settings of a person's own archive."""
    return {k: v for k, v in os.environ.items() if not k.startswith("FILMLESS_")}


@dataclass
class Process:
    """One process, its output in a file, and how to start it again."""

    command: list[str]
    log: Path
    popen: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as out:
            self.popen = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=ROOT, env=clean_environment()
            )

    @property
    def pid(self) -> int:
        assert self.popen is not None
        return self.popen.pid

    def is_running(self) -> bool:
        return self.popen is not None and self.popen.poll() is None

    def kill(self) -> None:
        """SIGKILL, to it and to what it started."""
        if self.popen is None:
            return
        if self.is_running():
            # Stopped first, so that it does not start another part while we look.
            self.popen.send_signal(signal.SIGSTOP)
        for process in _family(self.pid):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.popen.wait(20)

    def stop(self, seconds: float = 30.0) -> int:
        """SIGTERM; answer with its exit status."""
        assert self.popen is not None
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.command} did not stop:\n{self.output()}") from None

    def output(self) -> str:
        return self.log.read_text(errors="replace")


def _runs(process: psutil.Process, module: str) -> bool:
    try:
        return process.cmdline()[1:3] == ["-m", module]
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def _family(pid: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(pid)
        return [*parent.children(recursive=True), parent]
    except psutil.NoSuchProcess:
        return []


@dataclass
class RunningServer:
    """`filmless serve`."""

    data: Path
    dicom_port: int
    http_port: int
    process: Process

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    def children(self, module: str) -> list[psutil.Process]:
        """Its processes that run `python -m MODULE`."""
        return [p for p in psutil.Process(self.pid).children() if _runs(p, module)]

    def start(self) -> None:
        self.process.start()
        wait_for_port(self.dicom_port, self.process)
        wait_for_port(self.http_port, self.process)

    def stop(self) -> int:
        return self.process.stop()

    def kill(self) -> None:
        self.process.kill()


@contextmanager
def running_server(folder: Path, *, start: bool = True, **options: str | int) -> Iterator[RunningServer]:
    """Run `filmless serve` on ephemeral ports and the data folder `folder/data`; options as `receivers=1`."""
    dicom_port, http_port = free_port(), free_port()
    values: dict[str, str | int | Path] = {
        "data": folder / "data",
        "dicom_host": "127.0.0.1",
        "dicom_port": dicom_port,
        "http_host": "127.0.0.1",
        "http_port": http_port,
        "web_workers": 1,
        "minimum_free_bytes": 0,
        **options,
    }
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]
    process = Process([sys.executable, "-m", "pacs.cli", "serve", *flags], folder / "serve.log")
    server = RunningServer(Path(str(values["data"])), dicom_port, http_port, process)
    try:
        if start:
            server.start()
        yield server
    finally:
        process.kill()


@dataclass
class RunningReceivers:
    """`python -m pacs`, one or more on one port."""

    data: Path
    dicom_port: int
    processes: list[Process] = field(default_factory=list)

    @property
    def pid(self) -> int:
        return self.processes[0].pid

    def start(self) -> None:
        for process in self.processes:
            if not process.is_running():
                process.start()
        for process in self.processes:
            wait_for_listening(self.dicom_port, process)

    def stop(self) -> list[int]:
        return [p.stop() for p in self.processes]

    def kill(self) -> None:
        for process in self.processes:
            process.kill()

    def output(self) -> str:
        return "".join(p.output() for p in self.processes)


@contextmanager
def running_receiver(
    folder: Path,
    *,
    receivers: int = 1,
    command: Callable[[], list[str]] | None = None,
    start: bool = True,
    **options: str | int,
) -> Iterator[RunningReceivers]:
    """Run DICOM receivers alone; `command` replaces `python -m pacs`, to run them under another program."""
    port = free_port()
    values: dict[str, str | int | Path] = {
        "data": folder / "data",
        "dicom_host": "127.0.0.1",
        "dicom_port": port,
        "minimum_free_bytes": 0,
        **options,
    }
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in values.items()]
    before = command() if command else [sys.executable, "-m", "pacs"]
    running = RunningReceivers(Path(str(values["data"])), port)
    running.processes = [Process([*before, *flags], folder / f"receiver-{n}.log") for n in range(receivers)]
    try:
        if start:
            running.start()
        yield running
    finally:
        running.kill()


def wait_for_port(port: int, process: Process, seconds: float = START_SECONDS) -> None:
    """Wait until somebody answers on a loopback port."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not process.is_running():
            raise AssertionError(f"{process.command} ended:\n{process.output()}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"nothing answers on port {port}:\n{process.output()}")


def wait_for_listening(port: int, process: Process, seconds: float = START_SECONDS) -> None:
    """Wait until this very process listens on a port; it may share it with others."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not process.is_running():
            raise AssertionError(f"{process.command} ended:\n{process.output()}")
        if any(_listens(p, port) for p in _family(process.pid)):
            return
        time.sleep(0.02)
    raise AssertionError(f"{process.command} does not listen on {port}:\n{process.output()}")


def _listens(process: psutil.Process, port: int) -> bool:
    try:
        found = process.net_connections(kind="tcp")
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
    return any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in found)
