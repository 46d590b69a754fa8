"""How many answers a search has in all, without making the caller wait for it.

To count is cheap where a search is narrow, and takes long where it matches most of an archive. So it gets a few
milliseconds. What has no condition at all is asked for most, and is counted aside, now and then.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from storage.attributes import Level
from storage.errors import StorageError
from storage.query import Query

if TYPE_CHECKING:
    from storage.archive import Archive

log = logging.getLogger("filmless.viewer")

COUNT_SECONDS = 0.004
ASIDE_SECONDS = 30.0
"""How long a count aside may take, and how old it may be."""


class Totals:
    """Counts of this archive; safe between threads."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._lock = threading.Lock()
        self._counted: dict[Level, tuple[int, float]] = {}
        self._counting: set[Level] = set()

    def of(self, query: Query) -> int | None:
        """Return the number of all answers to a query; None where it is not known in a moment."""
        found = self._archive.count_within(query, COUNT_SECONDS)
        if found is not None or query.conditions:
            return found
        count, when = self._counted.get(query.level, (None, float("-inf")))
        if time.monotonic() - when > ASIDE_SECONDS:
            self._count_aside(query.level)
        return count

    def _count_aside(self, level: Level) -> None:
        with self._lock:
            if level in self._counting:
                return
            self._counting.add(level)
        threading.Thread(target=self._count, args=(level,), daemon=True).start()

    def _count(self, level: Level) -> None:
        try:
            found = self._archive.count_within(Query(level), ASIDE_SECONDS)
            if found is not None:
                self._counted[level] = found, time.monotonic()
        except StorageError as error:
            log.warning("the total of a level cannot be counted: %s", error)
        finally:
            with self._lock:
                self._counting.discard(level)
