"""The schema of the index, as named transactional steps from the first day.

The index can be rebuilt from the files at any time, so a step may also say that a rebuild is due; but nobody should
have to wait for one after an update, so steps change what is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.attributes import Attribute, Level, Matching, at_level
from storage.steps import Steps
from storage.words import fill

if TYPE_CHECKING:
    from sqlite_utils import Database

index_migrations = Steps("filmless.index")


def columns_of(attributes: tuple[Attribute, ...]) -> dict[str, type]:
    """Return column names with their types, each name followed by its folded form where it is matched folded."""
    columns: dict[str, type] = {}
    for a in attributes:
        columns[a.column] = a.sql_type
        if a.matching is Matching.NAME:
            columns[a.folded_column] = str
    return columns


@index_migrations
def m001_patients_studies_series_instances(db: Database) -> None:
    """Four levels; the patient as named in the study stands in the study, so that one table answers the list."""
    patient, study = columns_of(at_level(Level.PATIENT)), columns_of(at_level(Level.STUDY))
    db.table("patient").create({"id": int, "identity": str, **patient}, pk="id", not_null={"identity"})
    db.table("patient").create_index(["identity"], unique=True)
    counts = {"number_of_series": int, "number_of_instances": int}
    extra = {"modalities": str, **counts, "received_at": str, "revision": int, "in_conflict": int}
    db.table("study").create({"id": int, "patient": int, **patient, **study, **extra}, pk="id")
    db.table("study").create_index(["study_instance_uid"], unique=True)
    for columns in (["patient"], ["study_date", "study_time"], ["patient_id"], ["accession_number"], ["revision"]):
        db.table("study").create_index(columns)
    series = columns_of(at_level(Level.SERIES))
    db.table("series").create({"id": int, "study": int, **series, "number_of_instances": int, "revision": int}, pk="id")
    # One series UID under two studies is a device's mistake; both are kept apart.
    db.table("series").create_index(["study", "series_instance_uid"], unique=True)
    db.table("series").create_index(["series_instance_uid"])
    place = {"received_on": str, "size": int, "dataset_offset": int, "dataset_sha256": bytes, "pixel_data_offset": int}
    db.table("instance").create(
        {"id": int, "series": int, **columns_of(at_level(Level.INSTANCE)), "transfer_syntax_uid": str, **place},
        pk="id",
    )
    db.table("instance").create_index(["sop_instance_uid"], unique=True)
    db.table("instance").create_index(["series"])


@index_migrations
def m002_patient_conflicts(db: Database) -> None:
    """Values that disagree under one patient identity, each with the study it came with."""
    db.table("patient_value").create({"id": int, "patient": int, "keyword": str, "value": str, "study": int}, pk="id")
    db.table("patient_value").create_index(["patient", "keyword", "value", "study"], unique=True)


@index_migrations
def m003_marks(db: Database) -> None:
    """Small facts about the archive itself, such as up to when recovery has looked."""
    db.table("mark").create({"name": str, "value": str}, pk="name")


@index_migrations
def m004_bytes_of_a_study(db: Database) -> None:
    """The total of all files stands in the studies: to add up every instance takes too long to be asked often."""
    db.execute("ALTER TABLE study ADD COLUMN stored_bytes INTEGER NOT NULL DEFAULT 0")
    db.execute(
        "UPDATE study SET stored_bytes = (SELECT coalesce(sum(instance.size), 0) FROM instance"
        " JOIN series ON series.id = instance.series WHERE series.study = study.id)"
    )


@index_migrations
def m005_words(db: Database) -> None:
    """Words of names, modalities and pieces of identifiers, each leading to its studies (see `words`)."""
    db.execute("CREATE TABLE word (id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, text TEXT NOT NULL)")
    db.execute("CREATE UNIQUE INDEX idx_word_kind_text ON word (kind, text)")
    db.execute(
        "CREATE TABLE study_word (word INTEGER NOT NULL, study_date TEXT NOT NULL, study_time TEXT NOT NULL,"
        " study INTEGER NOT NULL, PRIMARY KEY (word, study_date, study_time, study)) WITHOUT ROWID"
    )
    db.execute("CREATE TABLE identifier_gram (text TEXT PRIMARY KEY) WITHOUT ROWID")
    # Without content and positions: it only says which studies have a piece.
    db.execute("CREATE VIRTUAL TABLE identifier USING fts5 (text, content='', tokenize='trigram', detail='none')")
    # Patients are found by their ID whoever has issued it.
    db.execute("CREATE INDEX idx_patient_patient_id ON patient (patient_id)")
    fill(db.conn)


@index_migrations
def m006_rare_values(db: Database) -> None:
    """Indexes of attributes asked for now and then, so that what is rare or nowhere is known (see `lookups`)."""
    for column in ("institution_name", "patient_birth_date", "referring_physician_name", "study_description"):
        db.table("study").create_index([column])


@index_migrations
def m007_rejections(db: Database) -> None:
    """What the index hides: which rejection, which instances, and where these belong (see `rejection`)."""
    db.execute("CREATE TABLE rejection (id INTEGER PRIMARY KEY, identifier TEXT NOT NULL UNIQUE)")
    db.execute(
        "CREATE TABLE rejected_instance (instance INTEGER PRIMARY KEY, rejection INTEGER NOT NULL,"
        " study_instance_uid TEXT NOT NULL, series_instance_uid TEXT NOT NULL)"
    )
    db.execute("CREATE INDEX idx_rejected_instance_rejection ON rejected_instance (rejection)")


@index_migrations
def m012_more_rare_values(db: Database) -> None:
    """A sex or a study ID that nobody has was looked for in every study."""
    for column in ("patient_sex", "study_id"):
        db.table("study").create_index([column])
