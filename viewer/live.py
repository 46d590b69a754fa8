"""Live lists: one task per process asks the archive for news, and tells every open list (Server-Sent Events).

However many lists are open, the archive is asked once per tick. What a list has not taken yet is bounded: past
`QUEUE_MAX` it is told to fetch its rows again instead of each change.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING

from storage.errors import StorageError

if TYPE_CHECKING:
    from storage.archive import Archive
    from storage.model import Study

log = logging.getLogger("filmless.viewer")

QUEUE_MAX = 16
CHANGES_MAX = 100
RELOAD = "event: reload\ndata: {}\n\n"


class LiveStudies:
    """Fans changes of the archive out to subscribers; all of it in one event loop."""

    def __init__(self, archive: Archive, poll_seconds: float) -> None:
        self._archive = archive
        self._poll_seconds = poll_seconds
        self._subscribers: set[asyncio.Queue[str]] = set()

    @property
    def count(self) -> int:
        """How many lists are listening."""
        return len(self._subscribers)

    def subscribe(self) -> asyncio.Queue[str]:
        """Return a queue that gets ready-made events."""
        queue: asyncio.Queue[str] = asyncio.Queue(QUEUE_MAX)
        self._subscribers.add(queue)
        return queue

    def unsubscribe(self, queue: asyncio.Queue[str]) -> None:
        """Forget a queue."""
        self._subscribers.discard(queue)

    async def since(self, revision: int) -> str:
        """Return the event for what changed after `revision`, empty for nothing.

        A study that went cannot be told by its row, so lists are told to fetch theirs again.
        """
        removed = await asyncio.to_thread(self._archive.removed_at)
        if removed > revision:
            return f"id: {removed}\n{RELOAD}"
        studies = await asyncio.to_thread(self._archive.studies_changed_since, revision, CHANGES_MAX)
        return event(studies)

    async def poll(self) -> None:
        """Ask for news until cancelled; an archive that does not answer is asked again."""
        last: int | None = None
        while True:
            try:
                last = await self._tick(last)
            except (StorageError, sqlite3.Error, OSError) as error:
                log.warning("live lists wait for the archive: %s", error)
            await asyncio.sleep(self._poll_seconds)

    async def _tick(self, last: int | None) -> int:
        now = await asyncio.to_thread(self._archive.revision)
        if last is not None and now > last and self._subscribers:
            self._tell(await self.since(last))
        return now

    def _tell(self, text: str) -> None:
        if not text:
            return
        for queue in self._subscribers:
            try:
                queue.put_nowait(text)
            except asyncio.QueueFull:
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait(RELOAD)


def event(studies: Sequence[Study]) -> str:
    """Return changed studies as one event, its id the newest revision; `reload` when they are too many to list."""
    if not studies:
        return ""
    if len(studies) >= CHANGES_MAX:
        return RELOAD
    changes = [
        {
            "uid": study.study_instance_uid,
            "series": study.number_of_series,
            "images": study.number_of_instances,
            "modalities": list(study.modalities),
            "in_conflict": study.in_conflict,
            "revision": study.revision,
        }
        for study in studies
    ]
    newest = max(study.revision for study in studies)
    return f"id: {newest}\nevent: studies\ndata: {json.dumps(changes, separators=(',', ':'))}\n\n"
