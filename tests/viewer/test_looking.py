"""Whoever is sent something of a study is in the audit, by whatever address it was asked for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from storage.archive import Archive
from storage.records import Identity, Means, Role
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, store
from tests.support.stow import bearer
from tests.support.web import HTML
from viewer.services import services_of

_OF_SERIES = f"/study/{STUDY}/series/{SERIES}"
_OF_INSTANCE = f"/study/{STUDY}/instances/{INSTANCE}"
ADDRESSES = (
    f"/study/{STUDY}/series",
    f"/study/{STUDY}/priors",
    f"{_OF_SERIES}/frames",
    f"{_OF_SERIES}/facts",
    f"{_OF_SERIES}/stream",
    f"{_OF_SERIES}/pixels?frames=0",
    f"{_OF_SERIES}/thumbnail",
    f"{_OF_INSTANCE}/frames/1/image",
    f"{_OF_INSTANCE}/frames/1/value?row=0&column=0",
    f"{_OF_INSTANCE}/tags",
    f"{_OF_INSTANCE}/document",
)


@pytest.fixture(autouse=True)
def one(archive: Archive) -> None:
    store(archive, ct())


@pytest.fixture
def looks(app: Flask) -> Callable[[], list[tuple[str, str, str]]]:
    """Who opened which study and how, the oldest first."""

    def read() -> list[tuple[str, str, str]]:
        entries = services_of(app).records.audit.entries(100)
        return [(e.who, e.means, e.detail) for e in reversed(entries) if e.event == "open study"]

    return read


@pytest.mark.parametrize("address", ADDRESSES)
def test_what_is_sent_without_the_page_is_written_down_once(
    client: FlaskClient, looks: Callable[[], list[tuple[str, str, str]]], address: str
) -> None:
    for _ in range(2):
        assert client.get(address).status_code == 200
    assert looks() == [("radiologist", "session", "images")]


def test_what_a_page_asks_for_belongs_to_it(
    client: FlaskClient, looks: Callable[[], list[tuple[str, str, str]]]
) -> None:
    assert client.get(f"/study/{STUDY}/light", headers=HTML).status_code == 200
    for address in (*ADDRESSES, f"/dicom-web/studies/{STUDY}/metadata"):
        assert client.get(address).status_code == 200
    assert looks() == [("radiologist", "session", "")]


def test_what_is_not_there_or_not_allowed_is_no_look(
    client: FlaskClient, visitor: FlaskClient, looks: Callable[[], list[tuple[str, str, str]]]
) -> None:
    assert client.get("/study/1.2.3/series").status_code == 404
    assert client.get(f"{_OF_INSTANCE}/frames/7/image").status_code == 404
    assert visitor.get(f"{_OF_SERIES}/stream").status_code == 401
    assert looks() == []


def test_a_program_with_a_persons_name_is_another(
    app: Flask, client: FlaskClient, visitor: FlaskClient, looks: Callable[[], list[tuple[str, str, str]]]
) -> None:
    token = services_of(app).records.tokens.add(Role.RADIOLOGIST.value, Role.CLINICIAN)
    metadata = f"/dicom-web/studies/{STUDY}/metadata"
    assert client.get(metadata).status_code == 200
    assert visitor.get(metadata, headers=bearer(token)).status_code == 200
    assert looks() == [("radiologist", "session", "DICOMweb"), ("radiologist", "token", "DICOMweb")]
    log = services_of(app).looks
    assert not log.is_known(Identity("radiologist", Role.CLINICIAN, Means.PASSWORD), STUDY, "127.0.0.1")


@pytest.mark.parametrize(
    "address", [ADDRESSES[7], f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{INSTANCE}/frames/1"]
)
def test_what_a_browser_keeps_belongs_to_a_sign_in(client: FlaskClient, address: str) -> None:
    """The next person at that computer asks anew: else nobody would know of their look."""
    answer = client.get(address)
    assert "max-age" in answer.headers["Cache-Control"]
    assert {"Cookie", "Authorization"} <= set(answer.headers["Vary"].split(", "))
    again = client.get(address, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.headers["Vary"]) == (304, answer.headers["Vary"])
