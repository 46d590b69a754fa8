"""Remote nodes are kept as given, and refused where they cannot be right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from storage.errors import AlreadyExists, InvalidRecord, NotFound
from storage.records import Peer, Records

WORKSTATION = Peer("Đọc phim 1", "READER1", "10.0.0.5", 104)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with Records.open(tmp_path) as opened:
        yield opened


def test_a_peer_is_found_by_name_and_by_ae_title(records: Records) -> None:
    records.peers.add(WORKSTATION)
    assert records.peers.get("Đọc phim 1") == WORKSTATION
    assert records.peers.by_aet("READER1 ") == WORKSTATION
    assert records.peers.by_aet("OTHER") is None
    assert records.peers.list() == [WORKSTATION]


@pytest.mark.parametrize("again", [replace(WORKSTATION, aet="X"), replace(WORKSTATION, name="X")])
def test_names_and_ae_titles_are_unique(records: Records, again: Peer) -> None:
    records.peers.add(WORKSTATION)
    with pytest.raises(AlreadyExists):
        records.peers.add(again)


@pytest.mark.parametrize(
    "changes",
    [
        {"aet": ""},
        {"aet": "A" * 17},
        {"aet": "A\\B"},
        {"aet": "Đọc"},
        {"host": ""},
        {"host": "a b"},
        {"port": 0},
        {"port": 65536},
        {"name": ""},
    ],
)
def test_what_cannot_be_right_is_refused(records: Records, changes: dict[str, object]) -> None:
    with pytest.raises(InvalidRecord):
        records.peers.add(replace(WORKSTATION, **changes))  # type: ignore[arg-type]
    assert records.peers.list() == []


def test_a_peer_changes_and_goes(records: Records) -> None:
    records.peers.add(WORKSTATION)
    records.peers.change("Đọc phim 1", replace(WORKSTATION, port=105, may_query=False))
    assert records.peers.get("Đọc phim 1").port == 105
    records.peers.remove("Đọc phim 1")
    for act in (records.peers.get, records.peers.remove, lambda n: records.peers.change(n, WORKSTATION)):
        with pytest.raises(NotFound):
            act("Đọc phim 1")


def test_what_tls_needs_is_kept(records: Records) -> None:
    secured = replace(WORKSTATION, tls=True, tls_verify=False, tls_authorities="PEM", asks_commitment=True)
    records.peers.add(secured)
    assert records.peers.get(secured.name) == secured
    records.peers.change(secured.name, replace(secured, tls_verify=True))
    assert records.peers.get(secured.name) == replace(secured, tls_verify=True)
    with pytest.raises(InvalidRecord):
        records.peers.change(secured.name, replace(secured, tls_authorities="x" * 300_000))
