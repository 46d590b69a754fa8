"""C-STORE beside storescp and Orthanc: everything synced and indexed on our side, unless said otherwise."""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import prefill, servers, work
from bench.places import new_folder
from bench.report import Row, median, seconds
from bench.servers import Running, Server, peer_environment
from pacs.requestor import Node, Requestor
from pacs.sender import Outgoing, describe, proposals, send_one

ROUNDS = 5


def _storescu(port: int, *paths: Path) -> subprocess.Popen[bytes]:
    command = ["storescu", "+sd", "+r", "127.0.0.1", str(port), *map(str, paths)]
    return subprocess.Popen(command, env=peer_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _send(port: int, groups: Sequence[Sequence[Path]]) -> float:
    """Send each group of files or folders over an association of its own, all at once; return the seconds."""
    began = time.perf_counter()
    senders = [_storescu(port, *group) for group in groups]
    failed = [s for s in senders if s.wait()]
    if failed:
        raise RuntimeError(f"{len(failed)} of {len(senders)} senders failed")
    return time.perf_counter() - began


def _alternate(
    targets: dict[str, Server], groups: Sequence[Sequence[Path]], rounds: int = ROUNDS
) -> dict[str, list[float]]:
    """Measure each target in turn, round after round, each time fresh; one round before to warm the disk's cache."""
    times: dict[str, list[float]] = {name: [] for name in targets}
    for i in range(rounds + 1):
        for name, server in targets.items():
            with server() as running:
                took = _send(running.port, groups)
            if i:
                times[name].append(took)
    return times


def one_association() -> list[Row]:
    """The 400-slice series over one association."""
    targets: dict[str, Server] = {
        "storescp": servers.storescp,
        "filmless": servers.filmless,
        "relaxed": lambda: servers.filmless("relaxed"),
        "orthanc": servers.orthanc,
    }
    times = _alternate(targets, [[work.ct_series()]])
    ours, relaxed = median(times["filmless"]), median(times["relaxed"])
    scp, orthanc = median(times["storescp"]), median(times["orthanc"])
    shown = ", ".join(f"{name} {seconds(values)}" for name, values in times.items())
    against_scp = f"{ours / scp:.2f} x its time; {shown}"
    faster, relaxed_ratio = f"{orthanc / ours:.1f} x faster", f"{relaxed / scp:.2f} x storescp's time"
    return [
        Row("1 association, synced and indexed, against storescp", against_scp, "at most 1.5 x", ours <= 1.5 * scp),
        Row("the same against Orthanc", faster, "at least 3 x", orthanc >= 3 * ours),
        Row("1 association, `durability = relaxed`", relaxed_ratio, "below 1 x", relaxed < scp),
    ]


def four_associations() -> list[Row]:
    """The same series, a quarter over each of four associations at once."""
    files = work.files(work.ct_series())
    groups = [files[i::4] for i in range(4)]
    times = _alternate({"filmless": servers.filmless, "orthanc": servers.orthanc}, groups)
    ratio = median(times["orthanc"]) / median(times["filmless"])
    shown = ", ".join(f"{name} {seconds(values)}" for name, values in times.items())
    return [
        Row("4 associations at once", f"{ratio:.1f} x faster than Orthanc; {shown}", "at least 2.5 x", ratio >= 2.5)
    ]


def twenty_associations() -> list[Row]:
    """Twenty series of 100 small objects at once."""
    groups = [[work.small_series(i)] for i in range(20)]
    times = _alternate({"filmless": servers.filmless, "orthanc": servers.orthanc}, groups, rounds=3)
    rates = {name: 2000 / median(values) for name, values in times.items()}
    ratio = rates["filmless"] / rates["orthanc"]
    p95 = _p95(servers.filmless, groups)
    measured = (
        f"{rates['filmless']:.0f} objects/s, Orthanc {rates['orthanc']:.0f}: {ratio:.1f} x; "
        f"p95 of one C-STORE beside 19 senders {p95 * 1000:.1f} ms"
    )
    return [Row("20 associations, small objects", measured, "at least 3 x", ratio >= 3)]


def _p95(server: Server, groups: Sequence[Sequence[Path]]) -> float:
    """Measure single C-STOREs of one association while the other groups are sent."""
    with server() as running:
        others = threading.Thread(target=_send, args=(running.port, groups[1:]))
        others.start()
        took = sorted(_each(running.port, describe(work.files(groups[0][0]))))
        others.join()
    return took[int(len(took) * 0.95)]


def _each(port: int, outgoing: list[Outgoing]) -> Iterator[float]:
    with Requestor(Node("FILMLESS", "127.0.0.1", port), "BENCH", proposals(outgoing)) as assoc:
        for file in outgoing:
            began = time.perf_counter()
            sent = send_one(assoc, assoc.contexts[0], file)
            if not sent.ok:
                raise RuntimeError(sent.comment)
            yield time.perf_counter() - began


def filled_index() -> list[Row]:
    """The same work into archives that hold 0, 10,000 and 1,000,000 instances already."""
    groups = [[work.small_series(i)] for i in range(20)]
    times: dict[int, list[float]] = {0: [], 10_000: [], 1_000_000: []}
    folder = new_folder()
    prepared = {n: prefill.archive(folder / str(n), n) for n in times}
    for i in range(ROUNDS + 1):
        for n, template in prepared.items():
            with prefill.copy_of(template) as data, servers.filmless(data=data) as running:
                took = _send(running.port, groups)
            if i:
                times[n].append(took)
    rows = []
    for n in (10_000, 1_000_000):
        slower = median(times[n]) / median(times[0]) - 1
        rows.append(
            Row(
                f"the same with {n:,} instances indexed",
                f"{slower:+.0%}; {2000 / median(times[n]):.0f} objects/s, empty {2000 / median(times[0]):.0f}",
                "at most 10 % slower",
                slower <= 0.10,
            )
        )
    return rows


def large_object() -> list[Row]:
    """One multi-frame object of 2 GB."""
    path = work.multiframe()
    with servers.filmless() as running:
        took = _send(running.port, [[path]])
        peak = running.peak_memory()
    return [
        Row(
            "one 2 GB multi-frame object",
            f"peak memory of a receiver {peak / 1e6:.0f} MB; {took:.1f} s, {path.stat().st_size / took / 1e6:.0f} MB/s",
            "under 200 MB",
            peak < 200e6,
        )
    ]


def idle_connections() -> list[Row]:
    """The series over one association, alone and beside 300 idle ones."""
    alone: list[float] = []
    beside: list[float] = []
    for i in range(ROUNDS + 1):
        for count, times in ((0, alone), (300, beside)):
            with servers.filmless() as running, _idle(running, count):
                took = _send(running.port, [[work.ct_series()]])
            if i:
                times.append(took)
    slower = median(beside) / median(alone) - 1
    measured = f"{slower:+.0%}; alone {seconds(alone)}, beside them {seconds(beside)}"
    return [Row("300 idle connections beside one sender", measured, "at most 10 % slower", slower <= 0.10)]


@contextmanager
def _idle(running: Running, count: int) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection(("127.0.0.1", running.port)))
        yield


CASES: dict[str, Callable[[], list[Row]]] = {
    "one": one_association,
    "four": four_associations,
    "twenty": twenty_associations,
    "filled": filled_index,
    "large": large_object,
    "idle": idle_connections,
}
