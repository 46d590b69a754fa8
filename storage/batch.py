"""Adding placed objects to the index: the parents are found or made, counted, and compared with what is known."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from storage.attributes import Attribute, Level, Matching, at_level
from storage.header import DEFLATED, Header, Value
from storage.names import fold
from storage.words import WordWriter


@dataclass(frozen=True, slots=True)
class Entry:
    """One placed object, ready to be indexed."""

    header: Header
    transfer_syntax_uid: str
    received_on: str
    """The day's folder, `yyyy/mm/dd`."""
    received_at: str
    """ISO 8601 in UTC."""
    size: int
    dataset_offset: int
    dataset_sha256: bytes

    @property
    def pixel_data_offset(self) -> int | None:
        """Where the pixels begin in the file; None without pixels, and in a deflated data set."""
        if self.header.pixels is None or self.transfer_syntax_uid in DEFLATED:
            return None
        return self.dataset_offset + self.header.pixels.offset


def _insert(table: str, columns: Iterable[str]) -> str:
    names = tuple(columns)
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"


def _columns(level: Level) -> tuple[tuple[str, Attribute, bool], ...]:
    """Return (column, attribute, is the folded form) for a level, in the order of the schema."""
    out: list[tuple[str, Attribute, bool]] = []
    for a in at_level(level):
        out.append((a.column, a, False))
        if a.matching is Matching.NAME:
            out.append((a.folded_column, a, True))
    return tuple(out)


_PATIENT, _STUDY = _columns(Level.PATIENT), _columns(Level.STUDY)
_SERIES, _INSTANCE = _columns(Level.SERIES), _columns(Level.INSTANCE)
_INSERT_PATIENT = _insert("patient", ["identity", *(c for c, _, _ in _PATIENT)])
_STUDY_EXTRA = (
    "patient", "modalities", "number_of_series", "number_of_instances", "received_at", "revision", "in_conflict",
)  # fmt: skip
_INSERT_STUDY = _insert("study", [*(c for c, _, _ in _PATIENT + _STUDY), *_STUDY_EXTRA])
_INSERT_SERIES = _insert("series", [*(c for c, _, _ in _SERIES), "study", "number_of_instances", "revision"])
_INSERT_INSTANCE = _insert(
    "instance",
    [*(c for c, _, _ in _INSTANCE), "series", "transfer_syntax_uid", "received_on", "size", "dataset_offset",
     "dataset_sha256", "pixel_data_offset"],
) + " ON CONFLICT (sop_instance_uid) DO NOTHING"  # fmt: skip
_KNOWN_SERIES = (
    "SELECT study.id AS study, series.id AS series, patient.* FROM study"
    " JOIN series ON series.study = study.id JOIN patient ON patient.id = study.patient"
    " WHERE study.study_instance_uid = ? AND series.series_instance_uid = ?"
)


def _values(columns: tuple[tuple[str, Attribute, bool], ...], header: Header) -> list[Value]:
    return [fold(header.text(a.column)) if folded else header.values[a.column] for _, a, folded in columns]


def patient_identity(header: Header) -> str:
    """Return what makes a patient one: Patient ID and its issuer (PS3.3 C.7.1.1).

    Without an ID nothing tells two people apart, so each study is then a patient of its own. The length in front keeps
    the parts from running into each other, whatever they hold.
    """
    patient_id = header.text("patient_id")
    if not patient_id:
        return f"study {header.text('study_instance_uid')}"
    return f"{len(patient_id)} {patient_id} {header.text('issuer_of_patient_id')}"


@dataclass(slots=True)
class _Parent:
    """A row that new instances count for, within one batch."""

    id: int
    patient: int = 0
    new_instances: int = 0
    new_bytes: int = 0
    new_modalities: set[str] = field(default_factory=set)
    new_series: int = 0
    compared: set[tuple[str, ...]] = field(default_factory=set)
    """What was compared with the patient already: within a study it hardly ever differs."""
    first: sqlite3.Row | None = None
    """The row of a study's patient, where it was read with the study."""


class Batch:
    """Adds entries within one transaction; parents are looked up once and counted at the end."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._words = WordWriter(connection)
        self._studies: dict[str, _Parent] = {}
        self._series: dict[tuple[int, str], _Parent] = {}
        row = connection.execute("SELECT max(revision) FROM study").fetchone()
        # A new index begins at the present, so that revisions also rise over a rebuild.
        self._revision = (row[0] or time.time_ns() // 1_000_000) + 1

    def add(self, entry: Entry) -> bool:
        """Add one entry; False when its SOP Instance UID is there already."""
        parents = self._known_parents(entry.header)
        if parents is None:
            # Nothing is made for an object that is there already.
            if self._has(entry.header.text("sop_instance_uid")):
                return False
            study = self._study(entry)
            parents = study, self._series_of(study, entry.header)
        study, series = parents
        if not self._insert_instance(entry, series):
            return False
        self._compare_patient(study, entry.header)
        study.new_instances += 1
        study.new_bytes += entry.size
        series.new_instances += 1
        return True

    def _known_parents(self, header: Header) -> tuple[_Parent, _Parent] | None:
        """Find study and series with one statement: most objects belong to a series that is there already."""
        study_uid, series_uid = header.text("study_instance_uid"), header.text("series_instance_uid")
        study = self._studies.get(study_uid)
        if study is not None:
            series = self._series.get((study.id, series_uid))
            return None if series is None else (study, series)
        row = self._db.execute(_KNOWN_SERIES, (study_uid, series_uid)).fetchone()
        if row is None:
            return None
        study = self._studies[study_uid] = _Parent(row["study"], row["id"], first=row)
        series = self._series[(study.id, series_uid)] = _Parent(row["series"])
        return study, series

    def _has(self, sop_instance_uid: str) -> bool:
        found = self._db.execute("SELECT 1 FROM instance WHERE sop_instance_uid = ?", (sop_instance_uid,))
        return found.fetchone() is not None

    def _insert_instance(self, entry: Entry, series: _Parent) -> bool:
        cursor = self._db.execute(
            _INSERT_INSTANCE,
            [
                *_values(_INSTANCE, entry.header),
                series.id,
                entry.transfer_syntax_uid,
                entry.received_on,
                entry.size,
                entry.dataset_offset,
                entry.dataset_sha256,
                entry.pixel_data_offset,
            ],
        )
        return cursor.rowcount == 1

    def finish(self) -> None:
        """Write the counts of all parents that got new instances."""
        for series in self._series.values():
            self._db.execute(
                "UPDATE series SET number_of_instances = number_of_instances + ?, revision = ? WHERE id = ?",
                (series.new_instances, self._revision, series.id),
            )
        for study in self._studies.values():
            self._finish_study(study)

    def _finish_study(self, study: _Parent) -> None:
        self._db.execute(
            "UPDATE study SET number_of_instances = number_of_instances + ?, number_of_series = number_of_series + ?,"
            " stored_bytes = stored_bytes + ?, revision = ? WHERE id = ?",
            (study.new_instances, study.new_series, study.new_bytes, self._revision, study.id),
        )
        if study.new_modalities:
            found = self._db.execute(
                "SELECT DISTINCT modality FROM series WHERE study = ? AND modality <> '' ORDER BY modality", (study.id,)
            )
            modalities = "\\".join(row[0] for row in found)
            self._db.execute("UPDATE study SET modalities = ? WHERE id = ?", (modalities, study.id))
            self._words.add_modalities(study.id, study.new_modalities)

    def _study(self, entry: Entry) -> _Parent:
        uid = entry.header.text("study_instance_uid")
        parent = self._studies.get(uid)
        if parent is None:
            parent = self._studies[uid] = self._find_study(uid) or self._insert_study(entry)
        return parent

    def _find_study(self, uid: str) -> _Parent | None:
        row = self._db.execute("SELECT id, patient FROM study WHERE study_instance_uid = ?", (uid,)).fetchone()
        return None if row is None else _Parent(row[0], row[1])

    def _insert_study(self, entry: Entry) -> _Parent:
        patient = self._patient(entry.header)
        conflicts = self._db.execute("SELECT EXISTS (SELECT 1 FROM patient_value WHERE patient = ?)", (patient,))
        extra = (patient, "", 0, 0, entry.received_at, self._revision, conflicts.fetchone()[0])
        cursor = self._db.execute(_INSERT_STUDY, [*_values(_PATIENT + _STUDY, entry.header), *extra])
        assert cursor.lastrowid is not None
        self._words.add_study(
            cursor.lastrowid,
            (entry.header.text("study_date"), entry.header.text("study_time")),
            entry.header.text("patient_name"),
            (entry.header.text("patient_id"), entry.header.text("accession_number")),
        )
        return _Parent(cursor.lastrowid, patient)

    def _patient(self, header: Header) -> int:
        identity = patient_identity(header)
        row = self._db.execute("SELECT id FROM patient WHERE identity = ?", (identity,)).fetchone()
        if row is not None:
            return int(row[0])
        cursor = self._db.execute(_INSERT_PATIENT, [identity, *_values(_PATIENT, header)])
        assert cursor.lastrowid is not None
        return cursor.lastrowid

    def _compare_patient(self, study: _Parent, header: Header) -> None:
        """Note every value that disagrees with what the patient was first called; nothing is overwritten."""
        facts = (header.text("patient_name"), header.text("patient_birth_date"), patient_identity(header))
        if facts in study.compared:
            return
        study.compared.add(facts)
        # What this batch has filled in is not in a row that was read before.
        first, study.first = study.first, None
        if first is None:
            first = self._db.execute("SELECT * FROM patient WHERE id = ?", (study.patient,)).fetchone()
        for same, keyword, column in (
            (_same_name(first["patient_name"], facts[0]), "PatientName", "patient_name"),
            (_same(first["patient_birth_date"], facts[1]), "PatientBirthDate", "patient_birth_date"),
            (first["identity"] == facts[2], "PatientID", "patient_id"),
        ):
            if not same:
                self._note_conflict(study.patient, study.id, keyword, first[column], header.text(column))
        self._fill_in(study.patient, first, header)

    def _fill_in(self, patient: int, first: sqlite3.Row, header: Header) -> None:
        """A value that the first object lacked is taken from the next one, so that later ones are compared with it."""
        if first["identity"] != patient_identity(header):
            return
        missing = [(c, a, folded) for c, a, folded in _PATIENT if not first[c] and header.text(a.column)]
        if missing:
            columns = ", ".join(f"{c} = ?" for c, _, _ in missing)
            self._db.execute(f"UPDATE patient SET {columns} WHERE id = ?", [*_values(tuple(missing), header), patient])

    def _note_conflict(self, patient: int, study: int, keyword: str, first: str, other: str) -> None:
        insert = "INSERT OR IGNORE INTO patient_value (patient, keyword, value, study) VALUES (?, ?, ?, ?)"
        origin = self._db.execute("SELECT min(id) FROM study WHERE patient = ?", (patient,)).fetchone()[0]
        self._db.execute(insert, (patient, keyword, first, origin))
        self._db.execute(insert, (patient, keyword, other, study))
        self._db.execute(
            "UPDATE study SET in_conflict = 1, revision = ? WHERE patient = ? AND in_conflict = 0",
            (self._revision, patient),
        )

    def _series_of(self, study: _Parent, header: Header) -> _Parent:
        uid = header.text("series_instance_uid")
        parent = self._series.get((study.id, uid))
        if parent is not None:
            return parent
        row = self._db.execute(
            "SELECT id FROM series WHERE study = ? AND series_instance_uid = ?", (study.id, uid)
        ).fetchone()
        if row is None:
            cursor = self._db.execute(_INSERT_SERIES, [*_values(_SERIES, header), study.id, 0, self._revision])
            assert cursor.lastrowid is not None
            study.new_series += 1
            study.new_modalities.add(header.text("modality"))
            parent = _Parent(cursor.lastrowid)
        else:
            parent = _Parent(row[0])
        self._series[(study.id, uid)] = parent
        return parent


def _same(one: str, other: str) -> bool:
    """An absent value disagrees with nothing."""
    return not one or not other or one == other


def _same_name(one: str, other: str) -> bool:
    """`NGUYEN^VAN^DUC` and `Nguyễn Văn Đức` are one name; the groups of PN compare as the first that both have."""
    if _same(one, other):
        return True
    pairs = zip(one.split("="), other.split("="), strict=False)
    return any(a and b and sorted(fold(a).split()) == sorted(fold(b).split()) for a, b in pairs)
