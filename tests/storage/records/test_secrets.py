"""What stands in for secrets that are not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.records import users
from storage.records.records import Records
from storage.records.secrets import NOBODY, hash_password, password_matches


def test_a_missing_users_hash_takes_as_long_to_check_as_any() -> None:
    made = hash_password("any password")
    assert NOBODY.split("$")[:4] == made.split("$")[:4]
    assert [len(part) for part in NOBODY.split("$")] == [len(part) for part in made.split("$")]


def test_a_missing_users_password_is_compared_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    def compare(password_hash: str, password: str) -> bool:
        compared.append(password_hash)
        return password_matches(password_hash, password)

    monkeypatch.setattr(users, "password_matches", compare)
    with Records.open(tmp_path) as records:
        assert records.users.check("nobody", "any password") is None
    assert compared == [NOBODY]
