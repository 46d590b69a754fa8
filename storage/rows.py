"""Rows of the index to the frozen answers of `model`."""

from __future__ import annotations

import sqlite3
from dataclasses import fields
from pathlib import Path

from storage.model import Instance, PatientConflict, Series, Study

_STUDY_FIELDS = tuple(f.name for f in fields(Study) if f.name not in ("modalities", "in_conflict"))
_SERIES_FIELDS = tuple(f.name for f in fields(Series) if f.name != "study_instance_uid")
SERIES_COLUMNS = "series.*, study.study_instance_uid"
_INSTANCE_FIELDS = tuple(f.name for f in fields(Instance) if f.name != "path")
INSTANCE_COLUMNS = "instance.*, series.series_instance_uid, study.study_instance_uid"


def relative_path(received_on: str, study_instance_uid: str, series_instance_uid: str, sop_instance_uid: str) -> Path:
    """Return where an object of these checked UIDs, received on day `yyyy/mm/dd`, is kept below the data folder."""
    return Path("archive", received_on, study_instance_uid, series_instance_uid, f"{sop_instance_uid}.dcm")


def study(row: sqlite3.Row) -> Study:
    """Read a row of the study table."""
    modalities = tuple(m for m in (row["modalities"] or "").split("\\") if m)
    values = {name: row[name] for name in _STUDY_FIELDS}
    return Study(**values, modalities=modalities, in_conflict=bool(row["in_conflict"]))


def series(row: sqlite3.Row) -> Series:
    """Read a row of `SERIES_COLUMNS`."""
    return Series(**{name: row[name] for name in _SERIES_FIELDS}, study_instance_uid=row["study_instance_uid"])


def instance(row: sqlite3.Row, data: Path) -> Instance:
    """Read a row of `INSTANCE_COLUMNS`."""
    values = {name: row[name] for name in _INSTANCE_FIELDS}
    place = relative_path(
        row["received_on"], row["study_instance_uid"], row["series_instance_uid"], row["sop_instance_uid"]
    )
    return Instance(**values, path=data / place)


def patient_conflicts(connection: sqlite3.Connection, limit: int, offset: int) -> list[PatientConflict]:
    """Collect disagreeing values by patient and attribute, the newest disagreement first."""
    groups = connection.execute(
        "SELECT patient, keyword FROM patient_value GROUP BY patient, keyword ORDER BY max(id) DESC LIMIT ? OFFSET ?",
        (limit, offset),
    ).fetchall()
    return [_conflict(connection, group["patient"], group["keyword"]) for group in groups]


def _conflict(connection: sqlite3.Connection, patient: int, keyword: str) -> PatientConflict:
    first = connection.execute("SELECT * FROM patient WHERE id = ?", (patient,)).fetchone()
    found = connection.execute(
        "SELECT value, study_instance_uid FROM patient_value JOIN study ON study.id = patient_value.study"
        " WHERE patient_value.patient = ? AND keyword = ? ORDER BY patient_value.id",
        (patient, keyword),
    ).fetchall()
    return PatientConflict(
        patient_id=first["patient_id"],
        issuer_of_patient_id=first["issuer_of_patient_id"],
        keyword=keyword,
        values=tuple(dict.fromkeys(row["value"] for row in found)),
        study_instance_uids=tuple(dict.fromkeys(row["study_instance_uid"] for row in found)),
    )
