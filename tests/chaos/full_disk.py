"""The same on a small disk that is full: nothing acknowledged is lost, and it recovers by itself when space is back."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.campaign import Tally, campaign

_SMALL, _LARGE = "12m", "64m"


class NoSmallDisk(Exception):
    """This machine does not let us mount one."""


@contextmanager
def small_disk(folder: Path, size: str = _SMALL) -> Iterator[Path]:
    """A disk of a few megabytes in memory, mounted below `folder`."""
    place = folder / "disk"
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "filmless-test", str(place)], capture_output=True, check=False
    )
    if done.returncode:
        raise NoSmallDisk(done.stderr.decode(errors="replace").strip())
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def enlarge(place: Path, size: str = _LARGE) -> None:
    """Give a small disk more space while it is in use."""
    subprocess.run(["mount", "-o", f"remount,size={size}", str(place)], check=True)


def run_full_disk(folder: Path, seed: int, kills: int) -> Tally:
    """Fill a small disk, kill while it is full, enlarge it, and look at everything."""
    with small_disk(folder) as place, campaign(folder, seed, data=place / "data") as one:
        one.before_the_last_look = lambda: _recover(one.ledger.refused, place)
        return one.run(kills)


def _recover(refused: dict[int, int], place: Path) -> None:
    """Wait for the first refusal for want of space, then make space."""
    deadline = time.monotonic() + 60
    while not refused.get(0xA700) and time.monotonic() < deadline:
        time.sleep(0.05)
    enlarge(place)
