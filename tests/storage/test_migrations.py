"""The schema of the index, step by step."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from sqlite_utils import Database

from storage.attributes import ATTRIBUTES, Level, Matching
from storage.errors import DataFolderError
from storage.index import Index
from storage.migrations import index_migrations
from tests.support.entries import entry

TABLE = {Level.PATIENT: "study", Level.STUDY: "study", Level.SERIES: "series", Level.INSTANCE: "instance"}


def test_every_attribute_has_its_column_and_names_their_folded_one(tmp_path: Path) -> None:
    Index(tmp_path / "index.sqlite3").close()
    db = Database(tmp_path / "index.sqlite3")
    for a in ATTRIBUTES:
        columns = db.table(TABLE[a.level]).columns_dict
        assert columns[a.column] is a.sql_type
        assert (a.folded_column in columns) is (a.matching is Matching.NAME)
    db.close()


def test_steps_are_applied_once_and_in_order(tmp_path: Path) -> None:
    for _ in range(2):
        Index(tmp_path / "index.sqlite3").close()
    db = Database(tmp_path / "index.sqlite3")
    names = index_migrations.applied(db.conn)
    assert names == [m.name for m in index_migrations.migrations().applied(db)]
    assert names == sorted(names)
    assert names[0] == "m001_patients_studies_series_instances"
    db.close()


def test_an_index_of_an_earlier_version_is_brought_up_to_date_with_its_content(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite3"
    index = Index(path)
    index.add_many([entry(1, size=10), entry(2, size=20), entry(3, size=5, StudyInstanceUID="1.9")])
    before = index.totals()
    index.close()
    db = Database(path)
    db.execute("ALTER TABLE study DROP COLUMN stored_bytes")
    db.execute("DELETE FROM _sqlite_migrations WHERE name = 'm004_bytes_of_a_study'")
    db.conn.commit()
    db.close()
    index = Index(path)
    assert index.totals() == before == (2, 2, 3, 35)
    index.close()


def test_indexes_of_an_earlier_version_get_those_of_rare_values(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite3"
    Index(path).close()
    db = Database(path)
    indexes = {index.name for index in db.table("study").indexes}
    for name in ("idx_study_patient_sex", "idx_study_study_id"):
        db.execute(f"DROP INDEX {name}")
    db.execute("DELETE FROM _sqlite_migrations WHERE name = 'm012_more_rare_values'")
    db.conn.commit()
    db.close()
    Index(path).close()
    db = Database(path)
    assert {index.name for index in db.table("study").indexes} == indexes
    db.close()


def test_an_index_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "index.sqlite3"
    Index(path).close()
    db = Database(path)
    first = next(iter(db.table("_sqlite_migrations").rows))
    db.table("_sqlite_migrations").insert({**first, "id": 999, "name": "m999_of_tomorrow"})
    db.conn.commit()
    db.close()
    before = path.read_bytes()
    with pytest.raises(DataFolderError, match=r"newer version of Filmless .*m999_of_tomorrow"):
        Index(path)
    assert path.read_bytes() == before


def test_what_carries_steps_out_is_loaded_only_where_one_is_due(tmp_path: Path) -> None:
    code = """
import sys
import subprocess
import sys
from pathlib import Path
from storage.index import Index
from storage.records import Records
Index(Path(sys.argv[1]) / "index.sqlite3").close()
Records.open(Path(sys.argv[1])).close()
print("sqlite_utils" in sys.modules)
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    said = [subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() for _ in range(2)]
    assert said == ["True", "False"]
