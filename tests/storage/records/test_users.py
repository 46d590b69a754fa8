from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.errors import AlreadyExists, InvalidRecord, NotFound
from storage.records import Records, Role

PASSWORD = "correct horse battery"


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with Records.open(tmp_path) as records:
        yield records


def test_a_user_is_added_listed_and_checked(records: Records) -> None:
    records.users.add("Bác sĩ An", Role.RADIOLOGIST, PASSWORD)
    assert [(u.name, u.role, u.disabled) for u in records.users.list()] == [("Bác sĩ An", Role.RADIOLOGIST, False)]
    assert records.users.check("Bác sĩ An", PASSWORD) is not None
    assert records.users.check("Bác sĩ An", PASSWORD + "x") is None
    assert records.users.check("nobody", PASSWORD) is None


def test_a_decomposed_name_is_the_same_user(records: Records) -> None:
    records.users.add("Đỗ Hà", Role.CLINICIAN, PASSWORD)
    decomposed = "Đô\u0303 Ha\u0300"
    assert records.users.check(decomposed, PASSWORD) is not None


def test_names_differ_by_more_than_case(records: Records) -> None:
    records.users.add("an", Role.ADMIN, PASSWORD)
    with pytest.raises(AlreadyExists, match="'AN' exists already"):
        records.users.add("AN", Role.ADMIN, PASSWORD)


@pytest.mark.parametrize("password", ["short", "", "a" * 12, "x" * 257, "longusername"])
def test_a_weak_password_is_refused_with_the_rule(records: Records, password: str) -> None:
    with pytest.raises(InvalidRecord, match="a password has at"):
        records.users.add("longusername", Role.ADMIN, password)
    assert records.users.list() == []


@pytest.mark.parametrize("name", ["", "   ", "a:b", "a\nb", "x" * 65])
def test_an_unusable_name_is_refused(records: Records, name: str) -> None:
    with pytest.raises(InvalidRecord, match="name"):
        records.users.add(name, Role.ADMIN, PASSWORD)


def test_a_new_password_replaces_the_old_and_ends_sessions(records: Records) -> None:
    user = records.users.add("an", Role.ADMIN, PASSWORD)
    session = records.sessions.begin(user)
    records.users.set_password("an", "another good one")
    assert records.users.check("an", PASSWORD) is None
    assert records.users.check("an", "another good one") is not None
    assert records.sessions.find(session.token) is None


def test_a_disabled_user_is_out_at_once(records: Records) -> None:
    user = records.users.add("an", Role.ADMIN, PASSWORD)
    session = records.sessions.begin(user)
    records.users.set_disabled("an", disabled=True)
    assert records.users.check("an", PASSWORD) is None
    assert records.sessions.find(session.token) is None
    records.users.set_disabled("an", disabled=False)
    assert records.users.check("an", PASSWORD) is not None


def test_a_new_role_counts_in_running_sessions(records: Records) -> None:
    session = records.sessions.begin(records.users.add("an", Role.CLINICIAN, PASSWORD))
    records.users.set_role("an", Role.RADIOLOGIST)
    found = records.sessions.find(session.token)
    assert found is not None
    assert found.identity.role is Role.RADIOLOGIST


def test_changing_nobody_is_an_error(records: Records) -> None:
    with pytest.raises(NotFound, match="no user 'nobody'"):
        records.users.set_password("nobody", PASSWORD)


def test_no_secret_is_in_the_file(records: Records, tmp_path: Path) -> None:
    session = records.sessions.begin(records.users.add("an", Role.ADMIN, PASSWORD))
    token = records.tokens.add("script", Role.TECHNICIAN)
    records.close()
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in (PASSWORD, session.token, token):
        assert secret.encode() not in stored
    assert b"$argon2id$" in stored


def test_the_file_is_private_and_waits_for_the_disk(records: Records, tmp_path: Path) -> None:
    path = tmp_path / "records.sqlite3"
    assert path.stat().st_mode & 0o077 == 0
    connection = records._database.connection
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    assert isinstance(connection, sqlite3.Connection)
