from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.errors import AlreadyExists, InvalidRecord, NotFound
from storage.records import Means, Records, Role
from storage.records.sessions import SessionRules

PASSWORD = "correct horse battery"
NOW = 1_800_000_000.0


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    rules = SessionRules(lifetime=1000, idle=100, seen_step=10, per_user=3)
    with Records.open(tmp_path, rules) as records:
        records.users.add("an", Role.RADIOLOGIST, PASSWORD)
        yield records


def test_a_session_is_found_by_its_token_only(records: Records) -> None:
    token = records.sessions.begin(records.users.get("an"), NOW).token
    found = records.sessions.find(token, NOW + 1)
    assert found is not None
    assert (found.identity.name, found.identity.role, found.identity.means) == ("an", Role.RADIOLOGIST, Means.SESSION)
    assert records.sessions.find(token[:-1], NOW + 1) is None
    assert records.sessions.find("", NOW + 1) is None


def test_a_session_ends_by_sign_out(records: Records) -> None:
    token = records.sessions.begin(records.users.get("an"), NOW).token
    records.sessions.end(token)
    assert records.sessions.find(token, NOW + 1) is None


def test_an_idle_session_ends_and_use_keeps_it(records: Records) -> None:
    token = records.sessions.begin(records.users.get("an"), NOW).token
    assert records.sessions.find(token, NOW + 90) is not None
    assert records.sessions.find(token, NOW + 180) is not None
    assert records.sessions.find(token, NOW + 290) is None


def test_looking_without_touch_does_not_keep_a_session(records: Records) -> None:
    token = records.sessions.begin(records.users.get("an"), NOW).token
    assert records.sessions.find(token, NOW + 90, touch=False) is not None
    assert records.sessions.find(token, NOW + 110, touch=False) is None


def test_a_busy_session_ends_after_its_lifetime(records: Records) -> None:
    token = records.sessions.begin(records.users.get("an"), NOW).token
    for second in range(0, 1000, 50):
        assert records.sessions.find(token, NOW + second) is not None
    assert records.sessions.find(token, NOW + 1000) is None


def test_the_oldest_of_too_many_sessions_ends(records: Records) -> None:
    tokens = [records.sessions.begin(records.users.get("an"), NOW + i).token for i in range(4)]
    assert [records.sessions.find(token, NOW + 5) is not None for token in tokens] == [False, True, True, True]


def test_a_token_works_until_revoked(records: Records) -> None:
    text = records.tokens.add("ris", Role.TECHNICIAN)
    identity = records.tokens.find(text)
    assert identity is not None
    assert (identity.name, identity.role, identity.means) == ("ris", Role.TECHNICIAN, Means.TOKEN)
    records.tokens.revoke("ris")
    assert records.tokens.find(text) is None
    assert [(t.name, t.revoked) for t in records.tokens.list()] == [("ris", True)]


def test_token_names_are_unique_and_checked(records: Records) -> None:
    records.tokens.add("ris", Role.TECHNICIAN)
    with pytest.raises(AlreadyExists):
        records.tokens.add("RIS", Role.ADMIN)
    with pytest.raises(InvalidRecord):
        records.tokens.add("", Role.ADMIN)
    with pytest.raises(NotFound, match="no token 'other'"):
        records.tokens.revoke("other")
