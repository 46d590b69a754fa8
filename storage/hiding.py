"""The rows of rejected objects: out of their series, so that nothing finds them, and back again.

A hidden row keeps its SOP Instance UID, so that the same object is not taken for a new one when it is sent again. Its
series is the negative number of the rejection, which no series has.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

from storage.rows import relative_path
from storage.words import WordWriter

_PLACES = (
    "SELECT instance.sop_instance_uid, instance.received_on, r.study_instance_uid, r.series_instance_uid"
    " FROM rejected_instance AS r JOIN rejection ON rejection.id = r.rejection"
    " JOIN instance ON instance.id = r.instance"
)
REMOVED = "revision of the last removal"
"""The mark that says when a study last went: it has no row any more that could."""


def hide(db: sqlite3.Connection, identifier: str, sop_instance_uids: Iterable[str]) -> int:
    """Hide instances; return how many were there. Series, studies and patients that are empty then go, too."""
    if db.execute("SELECT 1 FROM rejection WHERE identifier = ?", (identifier,)).fetchone():
        return 0  # a start of another process was faster
    number = db.execute("INSERT INTO rejection (identifier) VALUES (?)", (identifier,)).lastrowid
    db.execute(
        "INSERT INTO rejected_instance (instance, rejection, study_instance_uid, series_instance_uid)"
        " SELECT instance.id, ?, study.study_instance_uid, series.series_instance_uid FROM json_each(?) AS uid"
        " JOIN instance ON instance.sop_instance_uid = uid.value JOIN series ON series.id = instance.series"
        " JOIN study ON study.id = series.study",
        (number, json.dumps(list(sop_instance_uids))),
    )
    own = "SELECT instance FROM rejected_instance WHERE rejection = ?"
    parents = db.execute(
        "SELECT DISTINCT series.id, series.study FROM instance JOIN series ON series.id = instance.series"
        f" WHERE instance.id IN ({own})",
        (number,),
    ).fetchall()
    hidden = db.execute(f"UPDATE instance SET series = -? WHERE id IN ({own})", (number, number)).rowcount
    revision = _next_revision(db)
    for series in {row[0] for row in parents}:
        _recount_series(db, series, revision)
    for study in {row[1] for row in parents}:
        _recount_study(db, study, revision)
    return hidden


def hidden_under(db: sqlite3.Connection, identifier: str) -> list[Path]:
    """Return where the instances of a rejection are kept below the data folder."""
    return [_path(row) for row in db.execute(f"{_PLACES} WHERE rejection.identifier = ?", (identifier,))]


def place_of(db: sqlite3.Connection, sop_instance_uid: str) -> Path | None:
    """Return where a hidden instance is kept below the data folder; None where it is not hidden."""
    row = db.execute(f"{_PLACES} WHERE instance.sop_instance_uid = ?", (sop_instance_uid,)).fetchone()
    return None if row is None else _path(row)


def _path(row: sqlite3.Row) -> Path:
    return relative_path(
        row["received_on"], row["study_instance_uid"], row["series_instance_uid"], row["sop_instance_uid"]
    )


def forget(db: sqlite3.Connection, identifier: str) -> None:
    """Remove the rows of a rejection: their objects are gone, or are about to be added again."""
    own = "SELECT id FROM rejection WHERE identifier = ?"
    places = f"SELECT instance FROM rejected_instance WHERE rejection IN ({own})"
    db.execute(f"DELETE FROM instance WHERE id IN ({places})", (identifier,))
    db.execute(f"DELETE FROM rejected_instance WHERE rejection IN ({own})", (identifier,))
    db.execute("DELETE FROM rejection WHERE identifier = ?", (identifier,))


def known(db: sqlite3.Connection) -> set[str]:
    """Return the identifiers of all rejections that hide something."""
    return {row[0] for row in db.execute("SELECT identifier FROM rejection")}


def _next_revision(db: sqlite3.Connection) -> int:
    """As `Batch` counts: an index without studies goes on at the present, which is later than any revision before."""
    row = db.execute("SELECT max(revision) FROM study").fetchone()
    return int(row[0] or time.time_ns() // 1_000_000) + 1


def _recount_series(db: sqlite3.Connection, series: int, revision: int) -> None:
    db.execute(
        "UPDATE series SET number_of_instances = (SELECT count(*) FROM instance WHERE series = series.id),"
        " revision = ? WHERE id = ?",
        (revision, series),
    )
    db.execute("DELETE FROM series WHERE id = ? AND number_of_instances = 0", (series,))


def _recount_study(db: sqlite3.Connection, study: int, revision: int) -> None:
    row = db.execute("SELECT count(*), sum(number_of_instances) FROM series WHERE study = ?", (study,)).fetchone()
    if row[0] == 0:
        _remove_study(db, study, revision)
        return
    found = db.execute("SELECT DISTINCT modality FROM series WHERE study = ? AND modality <> '' ORDER BY 1", (study,))
    modalities = "\\".join(one[0] for one in found)
    db.execute(
        "UPDATE study SET number_of_series = ?, number_of_instances = ?, modalities = ?, revision = ?,"
        " stored_bytes = (SELECT coalesce(sum(instance.size), 0) FROM instance JOIN series ON"
        " series.id = instance.series WHERE series.study = study.id) WHERE id = ?",
        (row[0], row[1], modalities, revision, study),
    )


def _remove_study(db: sqlite3.Connection, study: int, revision: int) -> None:
    row = db.execute("SELECT * FROM study WHERE id = ?", (study,)).fetchone()
    WordWriter(db).remove_study(
        study,
        (row["study_date"], row["study_time"]),
        row["patient_name"],
        (row["patient_id"], row["accession_number"]),
        (row["modalities"] or "").split("\\"),
    )
    db.execute("DELETE FROM study WHERE id = ?", (study,))
    db.execute("DELETE FROM patient_value WHERE study = ?", (study,))
    _settle_patient(db, row["patient"])
    # The highest revision must never fall: a study that is there carries it on.
    db.execute(
        "UPDATE study SET revision = ? WHERE id = (SELECT id FROM study ORDER BY revision DESC LIMIT 1)", (revision,)
    )
    db.execute("INSERT OR REPLACE INTO mark (name, value) VALUES (?, ?)", (REMOVED, str(revision)))


def _settle_patient(db: sqlite3.Connection, patient: int) -> None:
    """A patient without studies goes; values that nobody contradicts any more are no conflict."""
    db.execute(
        "DELETE FROM patient_value WHERE patient = ?1 AND keyword IN (SELECT keyword FROM patient_value"
        " WHERE patient = ?1 GROUP BY keyword HAVING count(DISTINCT value) < 2)",
        (patient,),
    )
    db.execute(
        "UPDATE study SET in_conflict = EXISTS (SELECT 1 FROM patient_value WHERE patient = ?1) WHERE patient = ?1",
        (patient,),
    )
    db.execute("DELETE FROM patient WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM study WHERE patient = ?1)", (patient,))
