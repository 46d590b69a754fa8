"""Orthanc with its DICOMweb plugin as a client of ours: it asks, pulls from us and pushes to us."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from storage.archive import Archive
from storage.attributes import Level
from storage.model import Study
from storage.query import Query
from storage.settings import ArchiveSettings
from tests.support.web import PASSWORD, Server, running
from tests.support.web_peers import Orthanc, Samples, orthanc, samples

STUDIES = ("ct-head", "pet-ct")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Samples, Server]]:
    """Our server with two sample studies."""
    filled = samples(tmp_path_factory.mktemp("ours"), STUDIES)
    with running(filled.data, "--minimum-free-bytes", "0") as server:
        yield filled, server


@pytest.fixture(scope="module")
def peer(ours: tuple[Samples, Server], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """Orthanc, which knows us by a user's name and password."""
    server = {"Url": f"{ours[1].address}/dicom-web/", "Username": "admin", "Password": PASSWORD, "HasDelete": True}
    with orthanc(tmp_path_factory.mktemp("orthanc"), server) as running_peer:
        yield running_peer


@pytest.fixture(scope="module")
def studies(ours: tuple[Samples, Server]) -> list[Study]:
    """What we have."""
    with Archive.open(ArchiveSettings(ours[0].data)) as archive:
        return archive.studies(Query(Level.STUDY))


def _get(peer: Orthanc, uri: str, arguments: dict[str, str] | None = None) -> Any:
    return peer.post("/dicom-web/servers/filmless/get", {"Uri": uri, "Arguments": arguments or {}, "HttpHeaders": {}})


def test_it_asks_us(peer: Orthanc, studies: list[Study]) -> None:
    found = _get(peer, "/studies", {"PatientID": studies[0].patient_id})
    assert [study["0020000D"]["Value"] for study in found] == [[studies[0].study_instance_uid]]
    series = _get(peer, f"/studies/{studies[0].study_instance_uid}/series")
    assert len(series) == studies[0].number_of_series


def test_it_pulls_whole_studies_from_us(peer: Orthanc, studies: list[Study]) -> None:
    wanted = [{"Study": study.study_instance_uid} for study in studies]
    job = peer.post("/dicom-web/servers/filmless/retrieve", {"Resources": wanted, "Synchronous": True})
    assert int(job["ReceivedInstancesCount"]) == sum(study.number_of_instances for study in studies)
    assert peer.get("/statistics")["CountInstances"] == sum(study.number_of_instances for study in studies)
    assert len(peer.get("/studies")) == len(STUDIES)


def test_it_pushes_to_us_what_it_has(
    peer: Orthanc, studies: list[Study], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Into an empty archive of ours: the same objects bit for bit, as a second push of them is no conflict."""
    empty = samples(tmp_path_factory.mktemp("empty"), [])
    with running(empty.data, "--minimum-free-bytes", "0") as server:
        body = {"Url": f"{server.address}/dicom-web/", "Username": "admin", "Password": PASSWORD}
        peer.post("/dicom-web/servers/second", body, method="PUT")
        everything = peer.get("/studies")
        for _ in range(2):
            pushed = peer.post("/dicom-web/servers/second/stow", {"Resources": everything, "Synchronous": True})
            assert int(pushed["InstancesCount"]) == sum(study.number_of_instances for study in studies)
    with Archive.open(ArchiveSettings(empty.data)) as archive:
        assert {s.study_instance_uid: s.number_of_instances for s in archive.studies(Query(Level.STUDY))} == {
            s.study_instance_uid: s.number_of_instances for s in studies
        }
        assert archive.quarantined_count() == 0
