"""The same against the whole of `filmless serve`: a receiver, the web side, or everything is killed."""

from __future__ import annotations

import random
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

from tests.chaos import check
from tests.chaos.campaign import Tally, start_senders, wait_for_load
from tests.chaos.senders import Ledger
from tests.support.processes import RunningServer, running_server

_LONGEST = 0.5
_MODULES = {"one receiver": "pacs", "web": "viewer", "job worker": "pacs.jobs", "everything": ""}


def run_serving(folder: Path, seed: int, kills: int) -> Tally:
    """Kill parts of a running `filmless serve` so many times; it brings itself back, or is started again."""
    chance, tally, ledger = random.Random(seed), Tally(), Ledger()
    pause, stop = threading.Event(), threading.Event()
    began = time.monotonic()
    with running_server(folder, receivers=2) as server:
        senders = start_senders(server.dicom_port, ledger, seed, pause, stop)
        while tally.total < kills and tally.is_good:
            wait_for_load(ledger)
            time.sleep(chance.random() * _LONGEST)
            _kill(server, chance, tally)
            tally.lost += check.lost(server.data, ledger.not_asked_for_yet())
        wait_for_load(ledger)
        pause.set()
        for sender in senders:
            sender.idle.wait(20)
        stop.set()
        # What one receiver left behind is found at the next start.
        server.kill()
        server.start()
        server.stop()
        tally.add(check.whole(server.data, ledger.acknowledged))
    tally.acknowledged, tally.refused, tally.interrupted = len(ledger.acknowledged), ledger.refused, ledger.interrupted
    tally.seconds = time.monotonic() - began
    return tally


def _kill(server: RunningServer, chance: random.Random, tally: Tally) -> None:
    target = chance.choice(tuple(_MODULES))
    if target == "everything":
        server.kill()
        server.start()
    else:
        parts = server.children(_MODULES[target])
        if not parts:
            return  # killed a moment ago and not started again yet: another one is chosen
        victim = chance.choice(parts)
        with suppress(psutil.NoSuchProcess):
            for child in victim.children(recursive=True):
                child.kill()
            victim.kill()
    tally.count(f"serve: {target}")
