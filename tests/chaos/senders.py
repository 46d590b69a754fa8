"""Senders that push objects without pause, and remember what was acknowledged."""

from __future__ import annotations

import hashlib
import random
import threading
import time
from dataclasses import dataclass, field
from itertools import count

from tests.chaos.objects import Sample, sample
from tests.support.wire import P_DATA, Closed, Wire, pdu, pdv, store_rq

_OPEN_SECONDS = 0.5


@dataclass
class Ledger:
    """What senders were told, shared between their threads."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    numbers: count[int] = field(default_factory=lambda: count(1))
    acknowledged: dict[str, bytes] = field(default_factory=dict)
    """SOP Instance UID to the SHA-256 of the data set that was acknowledged."""
    refused: dict[int, int] = field(default_factory=dict)
    """How often each status other than Success was answered."""
    _answers: int = 0
    _asked: set[str] = field(default_factory=set)
    interrupted: int = 0
    """Objects whose answer never came."""

    def answers(self) -> int:
        """How many objects were answered, one way or the other."""
        with self.lock:
            return self._answers

    def not_asked_for_yet(self) -> dict[str, bytes]:
        """What was acknowledged since the last call."""
        with self.lock:
            fresh = {uid: d for uid, d in self.acknowledged.items() if uid not in self._asked}
            self._asked.update(fresh)
            return fresh

    def note(self, one: Sample, status: int) -> None:
        with self.lock:
            self._answers += 1
            if status == 0:
                self.acknowledged[one.uid] = hashlib.sha256(one.data).digest()
            else:
                self.refused[status] = self.refused.get(status, 0) + 1


class Sender(threading.Thread):
    """Pushes until told to stop: mostly new objects, some of them again, some of them twice at once with its twin."""

    def __init__(self, port: int, ledger: Ledger, seed: int, pause: threading.Event, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self._port, self._ledger, self._pause, self._stop_asked = port, ledger, pause, stop
        self._chance = random.Random(seed)
        self._again: Sample | None = None
        self.idle = threading.Event()

    def run(self) -> None:
        while not self._stop_asked.is_set():
            if self._pause.is_set():
                self.idle.set()
                time.sleep(0.005)
                continue
            self.idle.clear()
            try:
                self._associate_and_push()
            except (OSError, Closed, AssertionError):
                time.sleep(0.01)
        self.idle.set()

    def _associate_and_push(self) -> None:
        with Wire.connect(self._port, 10.0) as wire:
            wire.associate()
            until = time.monotonic() + self._chance.random() * _OPEN_SECONDS
            while time.monotonic() < until and not self._pause.is_set():
                self._push(wire, self._next())
            wire.release()

    def _next(self) -> Sample:
        """A new object; or the one that was interrupted, as a scanner tries again; or one that was sent before."""
        if self._again is not None and self._chance.random() < 0.7:
            return self._again
        if self._chance.random() < 0.1:
            return sample(random.Random(7), self._chance.randrange(1, 20))
        with self._ledger.lock:
            number = next(self._ledger.numbers)
        return sample(random.Random(number), number + 1000)

    def _push(self, wire: Wire, one: Sample) -> None:
        self._again = one
        try:
            wire.command(1, store_rq(one.uid))
            self._data(wire, one.data)
            response = wire.response()
        except (OSError, Closed):
            with self._ledger.lock:
                self._ledger.interrupted += 1
            raise
        self._ledger.note(one, response.status)
        if response.status == 0:
            self._again = None

    def _data(self, wire: Wire, data: bytes) -> None:
        size = self._chance.choice((1000, 16000, 100_000))
        for at in range(0, len(data), size):
            wire.send(pdu(P_DATA, pdv(1, data[at : at + size], command=False, last=at + size >= len(data))))
