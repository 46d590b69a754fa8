"""An archive to reject from, and all that queries tell of it."""

from __future__ import annotations

from pathlib import Path

from storage.archive import Archive
from storage.attributes import Level
from storage.batch import Entry
from storage.entries import entry_of
from storage.errors import WriteFailed
from storage.query import Query, condition
from storage.settings import ArchiveSettings
from tests.support.objects import STUDY, ct, store

OTHER = "1.2.826.0.1.3680043.10.999.2"


def fill(archive: Archive) -> None:
    """A study of two series (CT, MR) with two instances each, and another study of the same patient."""
    for series, modality in ((1, "CT"), (2, "MR")):
        for number in (1, 2):
            uid = f"{STUDY}.{series}"
            store(archive, ct(SeriesInstanceUID=uid, SOPInstanceUID=f"{uid}.{number}", Modality=modality))
    store(archive, ct(StudyInstanceUID=OTHER, SeriesInstanceUID=f"{OTHER}.1", SOPInstanceUID=f"{OTHER}.1.1"))


def seen(archive: Archive) -> dict[str, object]:
    """Everything that queries of all levels tell, but for revisions."""
    words = Query(Level.STUDY, tuple(c for c in (condition("PatientName", "*duc*"),) if c))
    levels = {level.name: [a.values for a in archive.find(Query(level), _KEYS[level])] for level in Level}
    by_modality = {m: archive.count(Query(Level.STUDY, (condition("Modality", m),))) for m in ("CT", "MR")}  # type: ignore[arg-type]
    health = archive.health()
    return {
        **{name: sorted(map(str, found)) for name, found in levels.items()},
        "named": sorted(s.study_instance_uid for s in archive.studies(words)),
        "modalities": by_modality,
        "totals": (health.studies, health.series, health.instances, health.stored_bytes),
        "conflicts": archive.patient_conflicts(10),
    }


_KEYS = {
    Level.PATIENT: ("PatientID", "NumberOfPatientRelatedInstances"),
    Level.STUDY: ("StudyInstanceUID", "ModalitiesInStudy", "NumberOfStudyRelatedInstances"),
    Level.SERIES: ("SeriesInstanceUID", "NumberOfSeriesRelatedInstances"),
    Level.INSTANCE: ("SOPInstanceUID",),
}


def unreadable(path: Path) -> Entry:
    """In place of `entry_of`: one file stands on a bad sector."""
    if path.name.endswith(".1.2.dcm"):
        raise WriteFailed(f"cannot read {path.name}: Input/output error") from OSError(5, "Input/output error")
    return entry_of(path)


def reopened(archive: Archive) -> Archive:
    """Return the same archive in another process, as far as it can tell."""
    archive.close()
    return Archive.open(ArchiveSettings(archive.data, minimum_free_bytes=0))
