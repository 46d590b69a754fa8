"""The objects of a study that a remote node has, by queries at series and image level (PS3.4 C.6.2.1)."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from pacs.remote import find
from pacs.remote.calls import Remote, Troubled
from pacs.requestor import Requestor
from storage.records.remote import Trouble

MAX_SERIES, MAX_OBJECTS = 10_000, 200_000
_NO_LISTING = frozenset({Trouble.NO_FIND, Trouble.STATUS, Trouble.NOT_AUTHORIZED, Trouble.OUT_OF_RESOURCES})


@dataclass(frozen=True, slots=True)
class Listed:
    """One object there; the class is empty where the node does not tell."""

    sop_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str


def of_study(remote: Remote, assoc: Requestor, study_instance_uid: str) -> dict[str, Listed] | None:
    """Return the objects by SOP Instance UID; None where the node does not tell, or contradicts itself.

    Raises:
        Troubled: the association is lost or the node is silent.
        Stopped: nobody waits any more.
    """
    try:
        asked = find.identifier(
            "SERIES", ("SeriesInstanceUID", "NumberOfSeriesRelatedInstances"), StudyInstanceUID=study_instance_uid
        )
        series = find.find(remote, assoc, asked, MAX_SERIES, lambda ds: find.text(ds, "SeriesInstanceUID"))
        if series.is_cut:
            return None
        found: dict[str, Listed] = {}
        for uid in dict.fromkeys(series.answers):
            if not uid:
                return None
            objects = _of_series(remote, assoc, study_instance_uid, uid)
            if not objects:
                return None
            found |= objects
    except Troubled as e:
        if e.problem.trouble in _NO_LISTING:
            return None
        raise
    return found


def _of_series(remote: Remote, assoc: Requestor, study: str, series: str) -> dict[str, Listed]:
    """Return the objects of a series; empty where that cannot be right."""
    asked = find.identifier(
        "IMAGE", ("SOPInstanceUID", "SOPClassUID"), StudyInstanceUID=study, SeriesInstanceUID=series
    )

    def read(ds: Dataset) -> Listed:
        return Listed(find.text(ds, "SOPInstanceUID"), series, find.text(ds, "SOPClassUID"))

    found = find.find(remote, assoc, asked, MAX_OBJECTS, read)
    if found.is_cut or not all(one.sop_instance_uid for one in found.answers):
        return {}
    return {one.sop_instance_uid: one for one in found.answers}
