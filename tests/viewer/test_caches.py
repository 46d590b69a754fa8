"""What a web process keeps in memory: bounded, made once, never wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from storage.archive import Archive
from storage.errors import NotFound, PixelError
from storage.model import Instance
from storage.settings import ArchiveSettings
from tests.support.objects import SERIES, STUDY, ct, store
from viewer.frames import Frames, OpenObjects
from viewer.lru import Lru
from viewer.stacks import stack_of


def test_the_least_used_goes_first() -> None:
    lru: Lru[str, str] = Lru(3, len)
    for key in "abc":
        lru.get(key, lambda: "x")
    lru.get("a", lambda: pytest.fail("it is there"))
    lru.get("d", lambda: "x")
    made: list[str] = []
    for key in "acdb":
        lru.get(key, lambda key=key: made.append(key) or "x")  # type: ignore[misc]
    assert made == ["b"]
    assert lru.weight == 3


def test_what_is_too_heavy_is_returned_and_not_kept() -> None:
    lru: Lru[str, str] = Lru(3, len)
    assert lru.get("a", lambda: "xxxx") == "xxxx"
    assert lru.weight == 0


def test_one_making_for_many_askers_and_failures_are_not_kept() -> None:
    lru: Lru[str, str] = Lru(3, len)
    makings: list[int] = []

    def make() -> str:
        makings.append(1)
        time.sleep(0.05)
        return "x"

    threads = [threading.Thread(target=lambda: lru.get("a", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(makings) == 1

    def fail() -> str:
        raise PixelError("no")

    with pytest.raises(PixelError):
        lru.get("b", fail)
    assert lru.get("b", lambda: "y") == "y"


@pytest.fixture
def instances(tmp_path: Path) -> Iterator[list[Instance]]:
    """Multi-frame objects of 2, 3 and 4 frames."""
    with Archive.open(ArchiveSettings(tmp_path / "data", minimum_free_bytes=0)) as archive:
        for number in range(1, 4):
            frames = number + 1
            pixels = np.concatenate([np.full(64, number * 10 + i, "<i2") for i in range(frames)]).tobytes()
            store(
                archive,
                ct(SOPInstanceUID=f"{SERIES}.{number}", InstanceNumber=number, NumberOfFrames=frames, PixelData=pixels),
            )
        yield archive.instances(SERIES, STUDY)


def test_a_stack_unrolls_multi_frame_objects(instances: list[Instance]) -> None:
    stack = stack_of(instances)
    assert stack.total == 9
    assert [(i.instance_number, frame) for i, frame in (stack.at(p) for p in (0, 1, 2, 4, 5, 8))] == [
        (1, 0), (1, 1), (2, 0), (2, 2), (3, 0), (3, 3),
    ]  # fmt: skip
    for outside in (-1, 9):
        with pytest.raises(NotFound):
            stack.at(outside)
    assert stack_of([]).total == 0


def test_frames_of_many_objects_read_at_once_are_never_mixed_up(instances: list[Instance]) -> None:
    frames = Frames(prepared_bytes=1)
    frames._objects = OpenObjects(1)
    wrong: list[tuple[int, int]] = []

    def read(seed: int) -> None:
        order = np.random.default_rng(seed)
        for _ in range(60):
            instance = instances[int(order.integers(3))]
            number = instance.instance_number or 0
            index = int(order.integers(number + 1))
            if int(frames.prepared(instance, index).stored[0, 0]) != number * 10 + index:
                wrong.append((number, index))

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(frames._objects._open) <= 1
    frames.close()
