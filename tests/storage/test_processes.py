"""Several processes on one data folder, and the sudden end of any of them."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.archive import INDEX_NAME, Archive
from storage.recovery import recover
from storage.settings import ArchiveSettings
from storage.verify import verify
from tests.support.objects import files_below
from tests.support.storing import uids

SEEDS = [1, 2]


@contextlib.contextmanager
def started(data: Path, *ranges: tuple[int, int], threads: int = 2) -> Iterator[list[subprocess.Popen[str]]]:
    """Processes that have the archive open and wait for `go`."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.support.storing", data, str(first), str(count), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for first, count in ranges
    ]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        yield processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def go(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()


def acknowledged(process: subprocess.Popen[str]) -> set[int]:
    """What a process said before its end; a last line without its end does not count."""
    out, _ = process.communicate()
    return {int(line) for line in out.splitlines(keepends=True) if line.endswith("\n")}


def whole(data: Path, kept: set[int]) -> None:
    """After recovery every acknowledged object is there and whole, and files and index tell the same, both ways."""
    with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as archive:
        recovered = recover(archive)
        assert recovered.missing == ()
        assert recovered.quarantined == 0
        known = {i.sop_instance_uid: i.path for _, i in archive.index.walk(0, 100_000, archive.data)}
        assert {uids(n)["SOPInstanceUID"] for n in kept} <= set(known)
        assert set(known.values()) == set(files_below(data / "archive"))
        assert [f for step in verify(archive) for f in step.findings] == []
        assert files_below(data / "incoming") == []
        assert archive.index.totals()[2] == len(known)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_the_same_and_other_objects_from_several_processes_are_kept_once(data: Path) -> None:
    with started(data, (0, 60), (0, 60), (30, 60)) as processes:
        go(processes)
        kept = [acknowledged(p) for p in processes]
    assert [len(k) for k in kept] == [60, 60, 60]
    assert [p.returncode for p in processes] == [0] * 3
    whole(data, set().union(*kept))
    assert len(files_below(data / "archive")) == 90
    assert files_below(data / "quarantine") == []


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_any_moment_nothing_acknowledged_is_lost(data: Path, seed: int) -> None:
    dice = random.Random(seed)
    kept: set[int] = set()
    for n in range(2):
        with started(data, (n * 300, 300), (n * 300 + 150, 300)) as processes:
            go(processes)
            time.sleep(dice.uniform(0.005, 0.25))
            for process in dice.sample(processes, dice.choice([1, 2])):
                process.kill()
            kept |= set().union(*(acknowledged(p) for p in processes))
        if dice.random() < 0.5:
            whole(data, kept)
    whole(data, kept)


def test_one_is_killed_and_recovered_from_while_others_go_on(data: Path) -> None:
    with (
        Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as archive,
        started(data, (0, 300), (150, 300)) as processes,
    ):
        go(processes)
        time.sleep(0.05)
        processes[0].kill()
        while processes[1].poll() is None and recover(archive).missing == ():
            pass
        kept = set().union(*(acknowledged(p) for p in processes))
    assert set(range(150, 450)) <= kept
    whole(data, kept)


def test_an_index_that_is_gone_or_lags_behind_is_made_whole_at_the_start(data: Path) -> None:
    with started(data, (0, 60)) as processes:
        go(processes)
        kept = acknowledged(processes[0])
    for name in (INDEX_NAME, f"{INDEX_NAME}-wal", f"{INDEX_NAME}-shm"):
        (data / name).unlink(missing_ok=True)
    whole(data, kept)
