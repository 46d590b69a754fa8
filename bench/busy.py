"""Queries while scanners push, and how the index grows."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench import find, prefill, servers, work
from bench.places import new_folder
from bench.report import Row, median
from bench.servers import Running, peer_environment
from storage.archive import INDEX_NAME
from storage.records import Peer, Records

_INSTANCES, _PER_STUDY = 100_000, 5
_WORKSTATIONS = 20
_ROUNDS = 4
_BURST_SECONDS = 1.0
_GOAL_SECONDS = 0.100
_SLOWER = 0.15
_SIZES = (20_000, 40_000, 80_000, 160_000)


def concurrent() -> list[Row]:
    """20 workstations ask at the same moment, once a second, while 4 senders push; and the senders alone."""
    alone: list[float] = []
    beside: list[float] = []
    waits: list[float] = []
    template = prefill.archive(new_folder() / "template", _INSTANCES, per_study=_PER_STUDY)
    for i in range(_ROUNDS + 1):
        # In turn, so that whatever else the machine does meets both.
        for is_asked in (False, True):
            took, waited = _round(template, is_asked)
            if i:
                (beside if is_asked else alone).append(took)
                waits += waited
    waits.sort()
    p95 = waits[int(len(waits) * 0.95)]
    slower = median(beside) / median(alone) - 1
    asked = f"p95 {p95 * 1e3:.0f} ms, median {median(waits) * 1e3:.0f} ms, most {waits[-1] * 1e3:.0f} ms"
    return [
        Row(
            f"{_WORKSTATIONS} concurrent C-FIND while 4 senders push",
            f"{asked}; {len(waits)} questions, to the first response",
            "p95 under 100 ms",
            p95 < _GOAL_SECONDS,
        ),
        Row(
            "the senders meanwhile",
            f"{slower:+.0%}; alone {median(alone):.2f} s, beside the queries {median(beside):.2f} s",
            "at most 15 % slower",
            slower <= _SLOWER,
        ),
    ]


def _round(template: Path, is_asked: bool) -> tuple[float, list[float]]:
    with prefill.copy_of(template) as data:
        with Records.open(data) as records:
            records.peers.add(Peer("bench", find.AET, "127.0.0.1", 104))
        with servers.filmless(data=data) as running:
            if not is_asked:
                return _push(running.port), []
            with _workstations(running) as waits:
                took = _push(running.port)
            return took, waits


def _groups() -> list[list[Path]]:
    slices = work.files(work.ct_series())
    return [[*(work.small_series(5 * i + n) for n in range(5)), *slices[i::4]] for i in range(4)]


def _push(port: int) -> float:
    began = time.perf_counter()
    senders = [_storescu(port, group) for group in _groups()]
    if any(sender.wait() for sender in senders):
        raise RuntimeError("a sender failed")
    return time.perf_counter() - began


def _storescu(port: int, paths: Sequence[Path]) -> subprocess.Popen[bytes]:
    command = ["storescu", "+sd", "+r", "127.0.0.1", str(port), *map(str, paths)]
    return subprocess.Popen(command, env=peer_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@contextmanager
def _workstations(running: Running) -> Iterator[list[float]]:
    """Associations that ask all at once, again and again, until the block ends; yields the list of their waits."""
    waits: list[float] = []
    stopping = threading.Event()
    gate = threading.Barrier(_WORKSTATIONS)
    connected = threading.Barrier(_WORKSTATIONS + 1)
    threads = [
        threading.Thread(target=_ask, args=(running, number, connected, gate, stopping, waits))
        for number in range(_WORKSTATIONS)
    ]
    for thread in threads:
        thread.start()
    connected.wait()
    try:
        yield waits
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def _ask(
    running: Running,
    number: int,
    connected: threading.Barrier,
    gate: threading.Barrier,
    stopping: threading.Event,
    waits: list[float],
) -> None:
    questions = list(find.QUESTIONS.values())
    with find.asking(running) as ask:
        connected.wait()
        burst = 0
        while True:
            gate.wait()
            # All or none go on, or those that do would wait for the others at the gate.
            is_last = stopping.is_set()
            gate.wait()
            if is_last:
                return
            keys = questions[(number + burst) % len(questions)]
            waits.append(ask(find.filled(keys, number * 31 + burst), 10).first)
            burst += 1
            stopping.wait(_BURST_SECONDS)


def growth() -> list[Row]:
    """Bytes of the index per study and per instance, at several sizes."""
    totals: dict[tuple[int, int], int] = {}
    for studies in _SIZES:
        for per_study in (1, 5):
            data = prefill.archive(new_folder() / "data", studies * per_study, per_study=per_study)
            totals[studies, per_study] = (data / INDEX_NAME).stat().st_size
    rows = []
    each: list[float] = []
    for studies in _SIZES:
        instance = (totals[studies, 5] - totals[studies, 1]) / 4 / studies
        study = totals[studies, 1] / studies - instance
        each.append(totals[studies, 5] / studies)
        measured = f"{study:.0f} bytes per study, {instance:.0f} per instance; {each[-1]:.0f} for a study of 5"
        rows.append(Row(f"index of {studies:,} studies", measured, "printed", None))
    drift = each[-1] / each[0] - 1
    rows.append(
        Row(f"growth from {_SIZES[0]:,} to {_SIZES[-1]:,} studies", f"{drift:+.1%} per study", "linear", drift < 0.05)
    )
    return rows


CASES: dict[str, Callable[[], list[Row]]] = {"concurrent": concurrent, "growth": growth}
