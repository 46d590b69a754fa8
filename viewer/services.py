"""What every view works with: the archive, the records and the settings of this app."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from flask import Flask, current_app

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    from storage.archive import Archive
    from storage.records import Records
    from viewer.answer_memo import AnswerMemo
    from viewer.config import ViewerSettings
    from viewer.dicomweb.prepared import PreparedMetadata
    from viewer.dicomweb.totals import Totals
    from viewer.disk_cache import DiskCache
    from viewer.evidence.key_marks import KeyMarks
    from viewer.frame_store import FrameStore
    from viewer.frames import Frames
    from viewer.look_log import LookLog
    from viewer.lru import Lru
    from viewer.object_store import ObjectStore
    from viewer.reading.prepared import PreparedFacts
    from viewer.request_counts import RequestCounts
    from viewer.stacks import Stacks

_KEY = "filmless"


@dataclass(frozen=True, slots=True)
class Services:
    """Opened once per process, shared by its threads."""

    settings: ViewerSettings
    archive: Archive
    records: Records
    requests: RequestCounts
    frames: Frames
    frame_store: FrameStore
    object_store: ObjectStore
    videos: DiskCache
    stacks: Stacks
    key_marks: KeyMarks
    thumbnails: Lru[str, bytes]
    looks: LookLog
    memo: AnswerMemo
    metadata: PreparedMetadata
    facts: PreparedFacts
    totals: Totals
    keepers: ThreadPoolExecutor
    """Threads that sync and index objects which came over HTTP."""

    def close(self) -> None:
        """Close the archive, the records and open files."""
        self.keepers.shutdown()
        self.frames.close()
        self.frame_store.close()
        self.archive.close()
        self.records.close()


def attach(app: Flask, services: Services) -> None:
    """Make `services` those of `app`."""
    app.extensions[_KEY] = services


def services_of(app: Flask) -> Services:
    """Return the services of `app`."""
    return cast("Services", app.extensions[_KEY])


def services() -> Services:
    """Return the services of the app that answers the present request."""
    return services_of(current_app)


def archive() -> Archive:
    """Return the archive of the present app."""
    return services().archive


def records() -> Records:
    """Return the records of the present app."""
    return services().records
