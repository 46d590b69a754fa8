"""`dicomweb-client`, the Python client that most tools use, against every operation."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from dicomweb_client.api import DICOMwebClient
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless
from requests.exceptions import HTTPError

from storage.archive import Archive
from storage.attributes import Level
from storage.model import Instance, Study
from storage.query import Query
from storage.records import Role
from storage.settings import ArchiveSettings
from tests.support.objects import SERIES, STUDY, ct
from tests.support.stow import part10
from tests.support.web import Server, running
from tests.support.web_peers import Samples, samples


@pytest.fixture(scope="module")
def client(sample_server: Server, filled: Samples) -> DICOMwebClient:
    """A client that may read, signed in with a token."""
    return _client(sample_server, filled.tokens[Role.RADIOLOGIST])


def _client(server: Server, token: str) -> DICOMwebClient:
    return DICOMwebClient(f"{server.address}/dicom-web", headers={"Authorization": f"Bearer {token}"})


@pytest.fixture(scope="module")
def known(filled: Samples) -> dict[str, tuple[Study, Instance]]:
    """A study of each modality with its first image, or its first object."""
    with Archive.open(ArchiveSettings(filled.data)) as archive:
        found = {}
        for instance in archive.matching_instances(Query(Level.INSTANCE)):
            study = archive.study(instance.study_instance_uid)
            name = next(s.modality for s in archive.series(study.study_instance_uid)
                        if s.series_instance_uid == instance.series_instance_uid)  # fmt: skip
            found.setdefault(name, (study, instance))
        return found


def _uids(instance: Instance) -> tuple[str, str, str]:
    return instance.study_instance_uid, instance.series_instance_uid, instance.sop_instance_uid


def test_search_at_every_level(client: DICOMwebClient, known: dict[str, tuple[Study, Instance]]) -> None:
    study, instance = known["CT"]
    found = client.search_for_studies(search_filters={"StudyInstanceUID": study.study_instance_uid})
    assert Dataset.from_json(found[0]).PatientName == study.patient_name
    assert len(client.search_for_studies(limit=2, offset=1)) == 2
    assert client.search_for_studies(search_filters={"PatientName": "*mau*"}, fuzzymatching=True)
    fields = client.search_for_studies(fields=["StudyDescription", "00081080"], limit=1)
    assert "00081030" in fields[0]
    series = client.search_for_series(study.study_instance_uid, search_filters={"Modality": "CT"})
    assert instance.series_instance_uid in {Dataset.from_json(one).SeriesInstanceUID for one in series}
    assert len(client.search_for_series()) >= len(series)
    instances = client.search_for_instances(instance.study_instance_uid, instance.series_instance_uid)
    assert instance.sop_instance_uid in {Dataset.from_json(one).SOPInstanceUID for one in instances}
    assert client.search_for_instances(instance.study_instance_uid, limit=3)
    assert client.search_for_studies(search_filters={"PatientID": "NOBODY"}) == []


def test_metadata_at_every_level(client: DICOMwebClient, known: dict[str, tuple[Study, Instance]]) -> None:
    study, instance = known["MR"]
    stored = dcmread(instance.path, stop_before_pixels=True)
    one = Dataset.from_json(client.retrieve_instance_metadata(*_uids(instance)), lambda tag, vr, uri: None)
    for keyword in ("PatientName", "ImageOrientationPatient", "PixelSpacing", "EchoTime", "StudyInstanceUID"):
        assert one[keyword].value == stored[keyword].value
    series = client.retrieve_series_metadata(instance.study_instance_uid, instance.series_instance_uid)
    assert len(client.retrieve_study_metadata(study.study_instance_uid)) == study.number_of_instances >= len(series)


def test_bulk_data(client: DICOMwebClient, sample_server: Server, known: dict[str, tuple[Study, Instance]]) -> None:
    _, instance = known["CT"]
    address = client.retrieve_instance_metadata(*_uids(instance))["7FE00010"]["BulkDataURI"]
    # This client sends a Host field without the port, so the addresses made from it lack the port, too.
    path = address.partition("/dicom-web/")[2]
    (pixels,) = client.retrieve_bulkdata(f"{sample_server.address}/dicom-web/{path}")
    assert pixels == dcmread(instance.path).pixel_array.tobytes()


@pytest.mark.parametrize("syntax", [None, ExplicitVRLittleEndian, JPEGLSLossless])
def test_instances(client: DICOMwebClient, known: dict[str, tuple[Study, Instance]], syntax: str | None) -> None:
    _, instance = known["CT"]
    wanted = ("application/dicom",) if syntax is None else (("application/dicom", syntax),)
    ds = client.retrieve_instance(*_uids(instance), media_types=wanted)
    assert np.array_equal(ds.pixel_array, dcmread(instance.path).pixel_array)
    if syntax is not None:
        assert ds.file_meta.TransferSyntaxUID == syntax


def test_studies_and_series(client: DICOMwebClient, known: dict[str, tuple[Study, Instance]]) -> None:
    study, instance = known["MG"]
    assert len(client.retrieve_study(study.study_instance_uid)) == study.number_of_instances
    streamed = [
        ds.SOPInstanceUID for ds in client.iter_series(instance.study_instance_uid, instance.series_instance_uid)
    ]
    assert instance.sop_instance_uid in streamed


def test_what_comes_piece_by_piece_is_what_comes_at_once(
    client: DICOMwebClient, sample_server: Server, known: dict[str, tuple[Study, Instance]]
) -> None:
    study, instance = known["MG"]
    series = client.retrieve_series(instance.study_instance_uid, instance.series_instance_uid)
    assert instance.sop_instance_uid in {ds.SOPInstanceUID for ds in series}
    assert len(list(client.iter_study(study.study_instance_uid))) == study.number_of_instances
    native = (("application/octet-stream", ExplicitVRLittleEndian),)
    pixels = dcmread(instance.path).pixel_array.tobytes()
    (frame,) = client.iter_instance_frames(*_uids(instance), frame_numbers=[1], media_types=native)
    assert frame == pixels
    path = "/studies/{}/series/{}/instances/{}/bulkdata/7FE00010".format(*_uids(instance))
    assert b"".join(client.iter_bulkdata(f"{sample_server.address}/dicom-web{path}")) == pixels


def test_frames_in_any_order(client: DICOMwebClient, filled: Samples) -> None:
    with Archive.open(ArchiveSettings(filled.data)) as archive:
        every = archive.matching_instances(Query(Level.INSTANCE))
    instance = next(i for i in every if (i.number_of_frames or 1) > 3 and i.bits_allocated == 16)
    pixels = dcmread(instance.path).pixel_array
    frames = client.retrieve_instance_frames(
        *_uids(instance), frame_numbers=[3, 1], media_types=(("application/octet-stream", ExplicitVRLittleEndian),)
    )
    assert [bytes(frame) for frame in frames] == [pixels[2].tobytes(), pixels[0].tobytes()]


def test_compressed_frames(client: DICOMwebClient, known: dict[str, tuple[Study, Instance]]) -> None:
    _, instance = known["CT"]
    (frame,) = client.retrieve_instance_frames(
        *_uids(instance), frame_numbers=[1], media_types=(("image/jp2", JPEG2000Lossless),)
    )
    assert frame[:4] in (b"\xff\x4f\xff\x51", b"\0\0\0\x0c")


@pytest.mark.parametrize("media_type", ["image/jpeg", "image/png"])
def test_rendered(client: DICOMwebClient, known: dict[str, tuple[Study, Instance]], media_type: str) -> None:
    _, instance = known["CT"]
    data = client.retrieve_instance_rendered(
        *_uids(instance), media_types=(media_type,), params={"window": "40,400,linear"}
    )
    assert Image.open(io.BytesIO(data)).size == (instance.columns, instance.rows)
    data = client.retrieve_instance_frames_rendered(*_uids(instance), frame_numbers=[1], media_types=(media_type,))
    assert Image.open(io.BytesIO(data)).format == media_type.partition("/")[2].upper()
    data = client.retrieve_series_rendered(*_uids(instance)[:2], media_types=(media_type,))
    assert Image.open(io.BytesIO(data)).size == (instance.columns, instance.rows)


def test_no_operation_is_left_out() -> None:
    """Of this client, each has its test here."""
    words = ("search_", "retrieve_", "iter_", "store_", "delete_")
    operations = {name for name in vars(DICOMwebClient) if name.startswith(words)}
    tested = set(re.findall(r"(?:client|own)\.(\w+)\(", Path(__file__).read_text()))
    assert operations
    assert operations <= tested


def test_what_is_not_there_is_404(client: DICOMwebClient) -> None:
    with pytest.raises(HTTPError, match="404"):
        client.retrieve_study_metadata("1.2.3")


# ---- storing and deleting, in an archive of its own


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DICOMwebClient]:
    """A client that may do everything, on an archive of one sample study."""
    filled = samples(tmp_path_factory.mktemp("own"), ["mammogram"])
    with running(filled.data, "--minimum-free-bytes", "0") as server:
        yield _client(server, filled.tokens[Role.ADMIN])


def _dataset(number: int, syntax: str = ExplicitVRLittleEndian) -> Dataset:
    return dcmread(DicomBytesIO(part10(ct(SOPInstanceUID=f"{SERIES}.{number}", InstanceNumber=number), syntax)))


def test_store_search_and_delete(own: DICOMwebClient) -> None:
    answer = own.store_instances([_dataset(1), _dataset(2, ImplicitVRLittleEndian)])
    assert [item.ReferencedSOPInstanceUID for item in answer.ReferencedSOPSequence] == [f"{SERIES}.1", f"{SERIES}.2"]
    assert len(own.search_for_instances(STUDY)) == 2
    assert own.retrieve_instance(STUDY, SERIES, f"{SERIES}.1").PatientName == "Nguyễn^Văn^Đức"
    own.delete_instance(STUDY, SERIES, f"{SERIES}.2")
    assert len(own.search_for_instances(STUDY)) == 1
    own.delete_series(STUDY, SERIES)
    assert own.search_for_studies(search_filters={"StudyInstanceUID": STUDY}) == []
    with pytest.raises(HTTPError, match="404"):
        own.delete_study(STUDY)
    own.store_instances([_dataset(3)])
    own.delete_study(STUDY)
    assert own.search_for_studies(search_filters={"StudyInstanceUID": STUDY}) == []


def test_store_into_a_study_that_is_another_one(own: DICOMwebClient) -> None:
    with pytest.raises(HTTPError, match="409"):
        own.store_instances([_dataset(7)], study_instance_uid="1.2.3")


def test_what_comes_back_is_what_is_stored(client: DICOMwebClient, known: dict[str, tuple[Study, Instance]]) -> None:
    for _, instance in known.values():
        assert client.retrieve_instance(*_uids(instance)) == dcmread(instance.path)
