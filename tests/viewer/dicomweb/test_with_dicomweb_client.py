"""Search, metadata and bulk data as `dicomweb-client` asks for them, over a real server process."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from dicomweb_client.api import DICOMwebClient
from dicomweb_client.session_utils import create_session
from pydicom.dataset import Dataset
from requests.exceptions import HTTPError

from storage.archive import Archive
from storage.records import Records, Role
from tests.support.objects import ct, store
from tests.support.web import Server
from viewer.dicomweb.dicom_json import BULK_BYTES

PALETTE = b"\1\2" * BULK_BYTES


@pytest.fixture
def client(archive: Archive, server: Server) -> Iterator[DICOMwebClient]:
    """A program with a token, and two studies to find."""
    for study in ("1.1", "1.2"):
        for number in (1, 2, 3):
            store(archive, ct(StudyInstanceUID=study, SeriesInstanceUID=f"{study}.1", InstanceNumber=number,
                              SOPInstanceUID=f"{study}.1.{number}", StudyDate=f"2025010{study[-1]}",
                              RedPaletteColorLookupTableData=PALETTE))  # fmt: skip
    with Records.open(archive.data) as records:
        token = records.tokens.add("program", Role.CLINICIAN)
    session = create_session()
    session.headers["Authorization"] = f"Bearer {token}"
    made = DICOMwebClient(f"{server.address}/dicom-web", session=session)
    made.set_http_retry_params(retry=False)
    yield made
    session.close()


def _values(found: list[dict[str, dict[str, object]]], keyword: str) -> list[object]:
    return [Dataset.from_json(json.dumps(one))[keyword].value for one in found]


def test_searches(client: DICOMwebClient) -> None:
    assert _values(client.search_for_studies(), "StudyInstanceUID") == ["1.2", "1.1"]
    found = client.search_for_studies(
        search_filters={"PatientName": "nguyen*", "StudyDate": "20250101"},
        fields=["StudyDescription"],
        fuzzymatching=True,
    )
    assert _values(found, "StudyDescription") == ["CT ngực"]
    assert str(_values(found, "PatientName")[0]) == "Nguyễn^Văn^Đức"
    assert client.search_for_studies(search_filters={"PatientID": "nobody"}) == []
    assert _values(client.search_for_series("1.1"), "SeriesInstanceUID") == ["1.1.1"]
    assert _values(client.search_for_instances("1.1", "1.1.1"), "InstanceNumber") == [1, 2, 3]
    assert len(client.search_for_instances()) == 6


def test_pages_are_gone_through_to_the_end(client: DICOMwebClient) -> None:
    found = client.search_for_instances(limit=4, get_remaining=True)
    assert len({str(uid) for uid in _values(found, "SOPInstanceUID")}) == 6
    assert _values(client.search_for_instances("1.1", limit=1, offset=1), "InstanceNumber") == [2]


def test_metadata_and_bulk_data(client: DICOMwebClient, server: Server) -> None:
    study, series = client.retrieve_study_metadata("1.1"), client.retrieve_series_metadata("1.1", "1.1.1")
    assert study == series
    instance = client.retrieve_instance_metadata("1.1", "1.1.1", "1.1.1.2")
    assert instance == series[1]

    def at_the_port(uri: str) -> str:
        # This client leaves the port out of its Host field (0.61), so addresses that follow the field lack it, too.
        return uri.replace("http://127.0.0.1/", f"{server.address}/")

    def fetched(uri: str) -> bytes:
        (value,) = client.retrieve_bulkdata(at_the_port(uri))
        return bytes(value)

    ds = Dataset.from_json(json.dumps(instance), bulk_data_uri_handler=fetched)
    assert ds.RedPaletteColorLookupTableData == PALETTE
    assert ds.PixelData == ct().PixelData
    part = client.retrieve_bulkdata(at_the_port(instance["00281201"]["BulkDataURI"]), byte_range=(2, 5))
    assert bytes(part[0]) in (PALETTE[2:6], PALETTE)  # its Accept field asks for parts, which come whole


def test_refusals_are_errors_of_http(client: DICOMwebClient) -> None:
    with pytest.raises(HTTPError, match="404"):
        client.retrieve_study_metadata("9.9")
    with pytest.raises(HTTPError, match="400"):
        client.search_for_studies(search_filters={"StudyDate": "x-y"})
