"""The audit of looking through programs' interfaces: who saw which study, without a line for every frame.

A page that opens a study writes one line. What shows it asks for thousands of pieces, and so do DICOMweb clients. The
first request by somebody from somewhere is written before it is answered, unless a page of the study was opened just
before; those within the next minutes belong to it.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

from storage.records import Event, Identity, Records

WINDOW_SECONDS = 600.0
KEPT_MAX = 10_000


class LookLog:
    """One per process, safe between its threads."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._seen: OrderedDict[tuple[str, str, str, str], float] = OrderedDict()
        self._lock = threading.Lock()

    def is_known(self, who: Identity, study_instance_uid: str, address: str) -> bool:
        """Tell whether this look belongs to one that was written already."""
        now = time.monotonic()
        with self._lock:
            return self._seen.get(_key(who, study_instance_uid, address), -WINDOW_SECONDS) > now - WINDOW_SECONDS

    def looked(self, who: Identity, study_instance_uid: str, address: str, detail: str = "DICOMweb") -> None:
        """Write that somebody looks at a study, if that is new; it is on disk when this returns."""
        if not self.is_known(who, study_instance_uid, address):
            self.opened(who, study_instance_uid, address, detail)

    def opened(self, who: Identity, study_instance_uid: str, address: str, detail: str = "") -> None:
        """Write that somebody opens a study, every time."""
        self._records.audit.record(
            Event.OPEN_STUDY,
            who=who.name,
            means=who.means.value,
            study_instance_uid=study_instance_uid,
            address=address,
            detail=detail,
        )
        with self._lock:
            self._seen[_key(who, study_instance_uid, address)] = time.monotonic()
            while len(self._seen) > KEPT_MAX:
                self._seen.popitem(last=False)

    def took(self, who: Identity, study_instance_uid: str, address: str, detail: str) -> None:
        """Write that somebody takes objects of a study with him; every time."""
        self._records.audit.record(
            Event.DOWNLOAD_OBJECT,
            who=who.name,
            means=who.means.value,
            study_instance_uid=study_instance_uid,
            address=address,
            detail=detail,
        )


def _key(who: Identity, study_instance_uid: str, address: str) -> tuple[str, str, str, str]:
    # A program's token may have the name of a person.
    return who.name, who.means.value, study_instance_uid, address
