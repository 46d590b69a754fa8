from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.errors import DataFolderError, SignInRefused, TooManyAttempts
from storage.records import Event, Means, Records, Role
from storage.records.throttle import LONGEST_WAIT, MAX_ROWS, Throttle, wait_after

PASSWORD = "correct horse battery"
NOW = 1_800_000_000.0


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with Records.open(tmp_path) as records:
        records.users.add("an", Role.RADIOLOGIST, PASSWORD)
        yield records


def test_sign_in_is_in_the_audit(records: Records) -> None:
    signed_in = records.sign_in("AN", PASSWORD, "10.0.0.9")
    assert records.sessions.find(signed_in.token) is not None
    with pytest.raises(SignInRefused, match="the name or the password is wrong"):
        records.sign_in("an", "wrong password", "10.0.0.9")
    with pytest.raises(SignInRefused):
        records.sign_in("nobody", "wrong password", "10.0.0.9")
    told = [(e.event, e.who, e.address) for e in records.audit.entries(10)]
    assert told == [
        ("sign-in failed", "nobody", "10.0.0.9"),
        ("sign-in failed", "an", "10.0.0.9"),
        ("sign-in", "an", "10.0.0.9"),
    ]


def test_guessing_is_slowed_and_the_right_password_waits_too(records: Records) -> None:
    for _ in range(5):
        with pytest.raises(SignInRefused):
            records.sign_in("an", "wrong password", "10.0.0.9")
    with pytest.raises(TooManyAttempts) as told:
        records.sign_in("an", PASSWORD, "10.0.0.9")
    assert 1 <= told.value.retry_after <= 2
    # From another place the same person signs in.
    assert records.sign_in("an", PASSWORD, "10.0.0.10").identity.name == "an"


@pytest.mark.parametrize("odd", [" an", "an\t", "AN", "\u00a0an\n", "an" + " " * 250])
def test_spaces_around_a_name_are_no_other_name(records: Records, odd: str) -> None:
    for guess in range(5):
        with pytest.raises(SignInRefused):
            records.sign_in(" " * guess + "an", "wrong password", "10.0.0.9")
    with pytest.raises(TooManyAttempts):
        records.sign_in(odd, PASSWORD, "10.0.0.9")


def test_waits_grow_and_stay_bounded() -> None:
    assert [wait_after(n) for n in (0, 4, 5, 6, 7)] == [0, 0, 2, 4, 8]
    assert wait_after(10_000) == LONGEST_WAIT


def test_failures_are_forgotten_after_the_window(records: Records) -> None:
    throttle = Throttle(records._database)
    for i in range(20):
        throttle.failed("an", "10.0.0.9", NOW + i)
    with pytest.raises(TooManyAttempts):
        throttle.check("an", "10.0.0.9", NOW + 30)
    throttle.check("an", "10.0.0.9", NOW + 20 + 3600)


def test_the_table_of_failures_is_bounded(records: Records) -> None:
    with records._database.writing() as connection:
        rows = [(f"name{i}", "10.0.0.9", 1, NOW + i / 1e6) for i in range(MAX_ROWS + 50)]
        connection.executemany("INSERT INTO sign_in_failures VALUES (?, ?, ?, ?)", rows)
    Throttle(records._database).failed("an", "10.0.0.9", NOW + 1)
    assert records._database.connection.execute("SELECT count(*) FROM sign_in_failures").fetchone()[0] == MAX_ROWS


def test_a_remembered_password_is_quick_and_stops_with_a_change(records: Records) -> None:
    identity = records.check_password("an", PASSWORD, "10.0.0.9")
    assert identity.means is Means.PASSWORD
    records.users.set_role("an", Role.CLINICIAN)
    assert records.check_password("an", PASSWORD, "10.0.0.9").role is Role.CLINICIAN
    assert [e.event for e in records.audit.entries(10)] == ["sign-in"]
    records.users.set_password("an", "another good one")
    with pytest.raises(SignInRefused):
        records.check_password("an", PASSWORD, "10.0.0.9")


def test_many_first_requests_at_once_are_one_check(records: Records) -> None:
    answers: list[str] = []

    def ask() -> None:
        answers.append(records.check_password("an", PASSWORD, "10.0.0.9").name)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == ["an"] * 12


def test_two_openers_at_once_migrate_once(tmp_path: Path) -> None:
    errors: list[BaseException] = []

    def opener() -> None:
        try:
            Records.open(tmp_path).close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=opener) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_records_of_a_newer_version_are_refused_untouched(tmp_path: Path) -> None:
    Records.open(tmp_path).close()
    with sqlite3.connect(tmp_path / "records.sqlite3") as connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('filmless.records', 'm999', '')"
        )
    connection.close()
    with pytest.raises(DataFolderError, match="newer version of Filmless"):
        Records.open(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "records.sqlite3").write_bytes(b"no database at all" * 100)
    with pytest.raises(DataFolderError, match=r"records\.sqlite3: file is not a database"):
        Records.open(tmp_path)


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    with pytest.raises(DataFolderError, match="data"):
        Records.open(tmp_path / "data")


_CLOSES_LAST = """
import sys
from pathlib import Path
from storage.records import Event, Records
with Records.open(Path(sys.argv[1])) as records:
    records.audit.record(Event.SIGN_IN, who="another process")
"""


def test_a_second_opener_in_one_process_takes_no_lock_away(tmp_path: Path) -> None:
    """Else the next process that closes the file would take itself for the last user, and remove the journal."""
    with Records.open(tmp_path) as first:
        first.audit.record(Event.SIGN_IN, who="first")
        with Records.open(tmp_path):
            subprocess.run([sys.executable, "-c", _CLOSES_LAST, str(tmp_path)], check=True)
            first.audit.record(Event.SIGN_IN, who="first again")
            assert (tmp_path / "records.sqlite3-wal").exists()
    with Records.open(tmp_path) as records:
        assert [e.who for e in records.audit.entries(9)] == ["first again", "another process", "first"]
