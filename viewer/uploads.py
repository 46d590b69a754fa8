"""Requests that bring objects in: their bodies are of any size and are read as they come."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

from storage.archive import Archive
from storage.errors import OutOfSpace
from storage.files import disk_errors
from storage.records import Event
from viewer.auth import address, signed_in
from viewer.services import records

STUDIES = "/dicom-web/studies"
UPLOAD = "/upload"


def is_upload(method: str, path: str) -> bool:
    """Tell whether a request brings objects in."""
    return method == "POST" and (path in (STUDIES, UPLOAD) or path.startswith(f"{STUDIES}/"))


def note_stored(stored: int, of: int, what: str, study_instance_uid: str = "") -> None:
    """Note in the audit who brought objects in, once for each request."""
    who = signed_in()
    records().audit.record(
        Event.STORE_OBJECTS,
        who=who.name,
        means=who.means.value,
        study_instance_uid=study_instance_uid,
        address=address(),
        detail=f"{stored} of {of}, {what}",
    )


def write_aside(content: Iterable[bytes | memoryview], file: IO[bytes], archive: Archive) -> None:
    """Write to a file what has to be there as a whole before objects can be taken from it.

    Raises:
        OutOfSpace: the disk is full, or below the mark that is kept free for what devices send.
        WriteFailed: the disk refuses.
    """
    for chunk in content:
        if not archive.accepting():
            raise OutOfSpace(f"less than {archive.settings.minimum_free_bytes} bytes are free on the disk")
        with disk_errors("cannot keep a request's body"):
            file.write(chunk)
