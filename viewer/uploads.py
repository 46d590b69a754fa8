"""Requests that bring objects in: their bodies are of any size and are read as they come."""

from __future__ import annotations

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
