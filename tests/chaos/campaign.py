"""Kill the archive at random moments while scanners push, start it again, and ask for every acknowledged object.

`python -m tests.chaos.campaign --help`. The seed fixes what is sent, what is killed and after how long; how far the
processes have come by then is the machine's doing, so a replay repeats the schedule and not each instruction.
"""

from __future__ import annotations

import json
import os
import platform
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.chaos import check
from tests.chaos.senders import Ledger, Sender
from tests.support.peers import free_port
from tests.support.processes import ROOT, clean_environment

_RECEIVERS = 2
_SENDERS = 4
_LONGEST = 0.15
"""Seconds between the load's return and the next kill, at most."""


@dataclass
class Tally:
    """What a campaign did and found."""

    kills: dict[str, int] = field(default_factory=dict)
    acknowledged: int = 0
    refused: dict[int, int] = field(default_factory=dict)
    interrupted: int = 0
    recovered: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    rows_without_files: list[str] = field(default_factory=list)
    files_without_rows: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def count(self, target: str) -> None:
        self.kills[target] = self.kills.get(target, 0) + 1

    @property
    def total(self) -> int:
        return sum(self.kills.values())

    @property
    def is_good(self) -> bool:
        return not (self.lost or self.rows_without_files or self.files_without_rows)

    def add(self, faults: check.Faults) -> None:
        self.lost += faults.lost
        self.rows_without_files += faults.rows_without_files
        self.files_without_rows += faults.files_without_rows


def start_senders(
    port: int, ledger: Ledger, seed: int, pause: threading.Event, stop: threading.Event
) -> tuple[Sender, ...]:
    """Start the senders of one campaign."""
    senders = tuple(Sender(port, ledger, seed * 100 + n, pause, stop) for n in range(_SENDERS))
    for sender in senders:
        sender.start()
    return senders


def wait_for_load(ledger: Ledger, seconds: float = 10.0) -> None:
    """Wait until something is answered again, so that the next kill finds receivers at work."""
    before = ledger.answers()
    deadline = time.monotonic() + seconds
    while ledger.answers() < before + _SENDERS and time.monotonic() < deadline:
        time.sleep(0.002)


class Nursery:
    """Starts processes quickly; see `nursery`."""

    def __init__(self, log: Path) -> None:
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.nursery"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=out,
                cwd=ROOT,
                env={**clean_environment(), "OPENBLAS_NUM_THREADS": "1"},
                text=True,
            )

    def start(self, do: str, *arguments: str | Path, faults: dict[str, float] | None = None) -> psutil.Process:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"do": do, "arguments": [str(a) for a in arguments], "faults": faults}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return psutil.Process(int(answer["pid"]))

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(10)


class Campaign:
    """One data folder under load, and whoever kills its processes."""

    def __init__(self, folder: Path, seed: int, *, data: Path | None = None, fault_rate: float = 0.0) -> None:
        self.folder, self.data = folder, data or folder / "data"
        self.seed = seed
        self.chance = random.Random(seed)
        self.fault_rate = fault_rate
        self.tally = Tally()
        self.ledger = Ledger()
        self.port = free_port()
        self._nursery = Nursery(folder / "processes.log")
        self._receivers: list[psutil.Process] = []
        self._pause, self._stop = threading.Event(), threading.Event()
        self._senders: tuple[Sender, ...] = ()
        self.before_the_last_look: Callable[[], None] = lambda: None

    def run(self, kills: int) -> Tally:
        """Kill so many times, then look at everything once more."""
        began = time.monotonic()
        self._restart_all()
        self._senders = start_senders(self.port, self.ledger, self.seed, self._pause, self._stop)
        while self.tally.total < kills and self.tally.is_good:
            self._one_round()
        self._finish()
        self.tally.seconds = time.monotonic() - began
        self.tally.acknowledged = len(self.ledger.acknowledged)
        self.tally.refused, self.tally.interrupted = self.ledger.refused, self.ledger.interrupted
        return self.tally

    def close(self) -> None:
        """End whatever still runs."""
        self._stop.set()
        for process in self._receivers:
            _kill(process)
        self._nursery.close()

    def _one_round(self) -> None:
        wait_for_load(self.ledger)
        time.sleep(self.chance.random() * _LONGEST)
        if self.chance.random() < 0.5:
            self._kill_one()
        else:
            self._kill_all()
            self._look()

    def _kill_one(self) -> None:
        """One receiver dies and is started again, as the supervisor does; the other goes on."""
        victim = self.chance.randrange(_RECEIVERS)
        _kill(self._receivers[victim])
        self.tally.count("one receiver")
        self._receivers[victim] = self._start_receiver()

    def _kill_all(self) -> None:
        for process in self._receivers:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)  # so that all of them die at one moment
        for process in self._receivers:
            _kill(process)
        self.tally.count("all receivers")
        if self.chance.random() < 0.15:
            # The power goes again while recovery runs.
            recovery = self._start_recovery()
            time.sleep(self.chance.random() * 0.05)
            _kill(recovery)
            self.tally.count("recovery")
        self._restart_all()

    def _restart_all(self) -> None:
        recovery = self._start_recovery()
        _wait_for_end(recovery)
        if not self._result.exists():
            raise AssertionError(f"recovery failed:\n{(self.folder / 'processes.log').read_text()[-3000:]}")
        found = json.loads(self._result.read_text())
        for name in ("swept", "indexed", "quarantined"):
            self.tally.recovered[name] = self.tally.recovered.get(name, 0) + found[name]
        self.tally.rows_without_files += found["missing"]
        self._receivers = [self._start_receiver() for _ in range(_RECEIVERS)]

    @property
    def _result(self) -> Path:
        return self.folder / "recovered.json"

    def _start_recovery(self) -> psutil.Process:
        self._result.unlink(missing_ok=True)
        return self._nursery.start("recover", self.data, self._result)

    def _start_receiver(self) -> psutil.Process:
        faults = {"seed": self.chance.randrange(1 << 30), "rate": self.fault_rate} if self.fault_rate else None
        arguments = ("--data", self.data, "--dicom-host", "127.0.0.1", "--dicom-port", str(self.port))
        return self._nursery.start("receive", *arguments, "--minimum-free-bytes", "0", faults=faults)

    def _look(self) -> None:
        """Ask for what was acknowledged since the last look, and now and then for all of it."""
        acknowledged = self.ledger.not_asked_for_yet()
        if self.chance.random() < 0.05:
            with self.ledger.lock:
                acknowledged = dict(self.ledger.acknowledged)
        self.tally.lost += check.lost(self.data, acknowledged)

    def _finish(self) -> None:
        self.before_the_last_look()
        wait_for_load(self.ledger)
        self._pause.set()
        for sender in self._senders:
            sender.idle.wait(20)
        for process in self._receivers:
            _kill(process)
        self._stop.set()
        _wait_for_end(self._start_recovery())
        self.tally.add(check.whole(self.data, self.ledger.acknowledged))


def _kill(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill()
    _wait_for_end(process)


def _wait_for_end(process: psutil.Process, seconds: float = 60.0) -> None:
    # Not our child: the nursery reaps it.
    deadline = time.monotonic() + seconds
    while process.is_running() and time.monotonic() < deadline:
        with suppress(psutil.NoSuchProcess):
            if process.status() == psutil.STATUS_ZOMBIE:
                return
        time.sleep(0.002)


@contextmanager
def campaign(folder: Path, seed: int, *, data: Path | None = None, fault_rate: float = 0.0) -> Iterator[Campaign]:
    """One campaign in a folder, ended in any case; `data` may be elsewhere."""
    one = Campaign(folder, seed, data=data, fault_rate=fault_rate)
    try:
        yield one
    finally:
        one.close()


def machine() -> str:
    """This machine in a few words."""
    memory = psutil.virtual_memory().total / (1 << 30)
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, {system}"


def run_epochs(kills: int, seed: int, per_epoch: int, fault_rate: float = 0.0) -> list[Tally]:
    """Run campaigns on fresh folders until there were so many kills; a bad one ends it and its folder stays."""
    tallies: list[Tally] = []
    while (done := sum(t.total for t in tallies)) < kills:
        own = seed + len(tallies)
        folder = Path(tempfile.mkdtemp(prefix="filmless-chaos-"))
        with campaign(folder, own, fault_rate=fault_rate) as one:
            tally = one.run(min(per_epoch, kills - done))
        tallies.append(tally)
        print(f"seed {own}: {in_words(tally)}", flush=True)
        if not tally.is_good:
            print(f"FAILED; replay with --seed {own} --kills {tally.total}; the folder stays at {folder}", flush=True)
            break
        subprocess.run(["rm", "-rf", str(folder)], check=True)
    return tallies


def in_words(t: Tally) -> str:
    refused = ", ".join(f"{status:04X}: {n}" for status, n in sorted(t.refused.items()))
    return (
        f"{t.total} kills {t.kills}, {t.acknowledged} objects acknowledged, {t.interrupted} interrupted, "
        f"refused {{{refused}}}, recovery {t.recovered}; {len(t.lost)} lost, {len(t.rows_without_files)} rows without "
        f"files, {len(t.files_without_rows)} files without rows; {t.seconds:.0f} s"
    )
