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
REMEMBERED_MAX = 1000


class Totals:
    """Counts of this archive; safe between threads."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._lock = threading.Lock()
        self._counted: dict[Level, int] = {}
        self._took_long: dict[Query, float] = {}
        """Queries whose counting was given up, and when: those are not tried again each time."""
        self._counting: set[Level] = set()

    def of(self, query: Query) -> int | None:
        """Return the number of all answers to a query; None where it is not known in a moment."""
        if time.monotonic() - self._took_long.get(query, float("-inf")) > ASIDE_SECONDS:
            found = self._archive.count_within(query, COUNT_SECONDS)
            if found is not None:
                return found
            self._remember(query)
            if not query.conditions:
                self._count_aside(query.level)
        return None if query.conditions else self._counted.get(query.level)

    def _remember(self, query: Query) -> None:
        with self._lock:
            if len(self._took_long) >= REMEMBERED_MAX:
                self._took_long.clear()
            self._took_long[query] = time.monotonic()

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
                self._counted[level] = found
        except StorageError as error:
            log.warning("the total of a level cannot be counted: %s", error)
        finally:
            with self._lock:
                self._counting.discard(level)
