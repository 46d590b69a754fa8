"""Counts of answered requests of this process, for `/metrics`."""

from __future__ import annotations

import threading
from collections import Counter


class RequestCounts:
    """How many requests ended with which status class; endpoints and classes are few, so it stays small."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    def add(self, endpoint: str, status: int) -> None:
        """Count one answer of `endpoint` (empty for an unknown address)."""
        with self._lock:
            self._counts[(endpoint, f"{status // 100}xx")] += 1

    def items(self) -> list[tuple[str, str, int]]:
        """Return (endpoint, status class, count), sorted."""
        with self._lock:
            return [(endpoint, status, n) for (endpoint, status), n in sorted(self._counts.items())]
