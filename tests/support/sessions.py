"""A served session as tests see it, and timeouts that suit them."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass

import pytest

from pacs.upper_layer import Timeouts
from tests.support.wire import Wire

QUICK = Timeouts(artim=2.0, idle=5.0, pdu=5.0)
TINY = Timeouts(artim=0.5, idle=1.0, pdu=0.5)


@dataclass
class Served:
    """A session that serves in a thread, and the peer's end of its connection."""

    wire: Wire
    thread: threading.Thread
    log: pytest.LogCaptureFixture

    def line(self) -> str:
        """The one line that the log has once the session has ended."""
        self.wire.socket.close()
        self.thread.join(60)
        assert not self.thread.is_alive()
        lines = [r.getMessage() for r in self.log.records if r.levelno == logging.INFO]
        assert len(lines) == 1, lines
        return lines[0]

    def warnings(self) -> list[str]:
        return [r.getMessage() for r in self.log.records if r.levelno >= logging.WARNING]
