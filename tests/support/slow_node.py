"""A node that is slow, hangs or refuses, as told."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from pynetdicom import AE, evt
from pynetdicom.sop_class import CTImageStorage, Verification  # type: ignore[attr-defined]


class Slow:
    """A node that takes objects one after the other, and can be told to hang."""

    def __init__(self, port: int = 0, *, seconds: float = 0.0) -> None:
        self.got: Counter[str] = Counter()
        self.seconds = seconds
        self.status = 0
        self.hang = threading.Event()
        self.go_on = threading.Event()
        self._port = port

    def _store(self, event: evt.Event) -> int:
        if self.hang.is_set():
            self.go_on.wait(120)
        time.sleep(self.seconds)
        if self.status == 0:
            self.got[str(event.request.AffectedSOPInstanceUID)] += 1
        return self.status

    @contextmanager
    def listening(self) -> Iterator[int]:
        ae = AE("SLOW")
        for uid in (Verification, CTImageStorage):
            ae.add_supported_context(uid)
        server = ae.start_server(("127.0.0.1", self._port), block=False, evt_handlers=[(evt.EVT_C_STORE, self._store)])
        try:
            yield server.server_address[1]
        finally:
            self.go_on.set()
            server.shutdown()
