"""C-FIND with DCMTK and pynetdicom as counterparts."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_charset_files
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelFind,
)

from pacs.application import Application
from pacs.receiver import Receiver
from storage.archive import Archive
from storage.records import Peer
from tests.support.objects import STUDY, ct, store
from tests.support.peers import run_tool

_CHARSET_SAMPLES = sorted(Path(path).name for path in get_charset_files("*.dcm"))
_IN_SEQUENCES = [name for name in _CHARSET_SAMPLES if "SQ" in name]


@pytest.fixture
def port(receiver: Callable[..., Receiver], application: Application) -> int:
    """A receiver that knows the node WORKSTATION."""
    application.records.peers.add(Peer("workstation", "WORKSTATION", "127.0.0.1", 104))
    return receiver().port


def _findscu(port: int, folder: Path, *options: str, **keys: str) -> list[Dataset]:
    folder.mkdir()
    asked = [part for name, value in keys.items() for part in ("-k", f"{name}={value}")]
    run_tool("findscu", "-aet", "WORKSTATION", *options, "-X", "-od", folder, *asked, "127.0.0.1", port)
    return [pydicom.dcmread(path, force=True) for path in sorted(folder.iterdir())]


def _find(port: int, model: str, identifier: Dataset, extended: bytes = b"") -> list[tuple[int, Dataset | None]]:
    ae = AE("WORKSTATION")
    ae.add_requested_context(model)
    items = []
    if extended:
        item = SOPClassExtendedNegotiation()
        item.sop_class_uid, item.service_class_application_information = model, extended
        items.append(item)
    assoc = ae.associate("127.0.0.1", port, ext_neg=items)
    assert assoc.is_established
    try:
        return [(status.Status, ds) for status, ds in assoc.send_c_find(identifier, model)]
    finally:
        assoc.release()


def test_findscu_walks_down_the_levels(port: int, archive: Archive, tmp_path: Path) -> None:
    store(archive, ct())
    (patient,) = _findscu(port, tmp_path / "1", "-P", QueryRetrieveLevel="PATIENT", PatientName="NGUYEN*", PatientID="")
    assert patient.PatientName == "Nguyễn^Văn^Đức"
    (study,) = _findscu(
        port, tmp_path / "2", "-P", QueryRetrieveLevel="STUDY", PatientID=patient.PatientID, StudyInstanceUID="",
        ModalitiesInStudy="", StudyDescription="",
    )  # fmt: skip
    assert (study.StudyInstanceUID, study.ModalitiesInStudy, study.StudyDescription) == (STUDY, "CT", "CT ngực")
    (series,) = _findscu(
        port, tmp_path / "3", "-S", QueryRetrieveLevel="SERIES", StudyInstanceUID=STUDY, SeriesInstanceUID="",
        NumberOfSeriesRelatedInstances="",
    )  # fmt: skip
    assert series.NumberOfSeriesRelatedInstances == 1
    (image,) = _findscu(
        port, tmp_path / "4", "-S", QueryRetrieveLevel="IMAGE", StudyInstanceUID=STUDY,
        SeriesInstanceUID=series.SeriesInstanceUID, SOPInstanceUID="", PixelRepresentation="",
    )  # fmt: skip
    assert (image.PixelRepresentation, image.RetrieveAETitle) == (1, "FILMLESS")


def test_the_retired_model_of_patient_and_study_only(port: int, archive: Archive, tmp_path: Path) -> None:
    store(archive, ct())
    (study,) = _findscu(port, tmp_path / "1", "-O", QueryRetrieveLevel="STUDY", PatientID="BN001", StudyID="")
    assert study.StudyID == "1"


def test_pynetdicom_asks_relationally_and_for_combined_date_and_time(port: int, archive: Archive) -> None:
    store(archive, ct(StudyDate="20260131", StudyTime="0815"))
    identifier = Dataset()
    identifier.QueryRetrieveLevel, identifier.SOPInstanceUID = "IMAGE", ""
    identifier.StudyDate, identifier.StudyTime = "20260130-20260131", "0900-0900"
    model = PatientRootQueryRetrieveInformationModelFind
    assert [status for status, _ in _find(port, model, identifier)] == [0xA900]
    assert [status for status, _ in _find(port, model, identifier, b"\1")] == [0]
    found = _find(port, model, identifier, b"\1\1")
    assert [status for status, _ in found] == [0xFF00, 0]


def _sample(name: str) -> Dataset:
    """A sample as an object that can be stored: some lack pixels, some all but their sequence."""
    (path,) = get_charset_files(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some declare their sets in ways that pydicom repairs
        ds = pydicom.dcmread(path)
        if "SOPClassUID" not in ds:
            whole = ct(
                PatientName="A^B", ReferringPhysicianName="", StudyDescription="", SeriesDescription="", PixelData=None
            )
            ds.update({e.tag: e for e in whole if e.keyword != "SpecificCharacterSet"})
            ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
            ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        if "PixelData" not in ds:
            ds.add_new("PixelData", "OW", bytes(ds.Rows * ds.Columns * ds.SamplesPerPixel * ds.BitsAllocated // 8))
    return ds


def _send(port: int, ds: Dataset, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds.save_as(path)
    run_tool("storescu", "-R", "127.0.0.1", port, path)


@pytest.mark.parametrize("name", sorted(set(_CHARSET_SAMPLES) - set(_IN_SEQUENCES)))
def test_every_character_set_goes_in_and_comes_out_letter_for_letter(
    port: int, archive: Archive, tmp_path: Path, name: str
) -> None:
    sent = _sample(name)
    _send(port, sent, tmp_path / "sent.dcm")
    for requested in (None, sent.get("SpecificCharacterSet"), "ISO_IR 192"):
        identifier = Dataset()
        identifier.QueryRetrieveLevel, identifier.StudyInstanceUID = "STUDY", sent.StudyInstanceUID
        identifier.PatientName = ""
        if requested:
            identifier.SpecificCharacterSet = requested
        (status, ds), (final, _) = _find(port, StudyRootQueryRetrieveInformationModelFind, identifier)
        assert (status, final) == (0xFF00, 0)
        assert ds is not None
        assert str(ds.PatientName) == str(sent.PatientName)


@pytest.mark.parametrize("name", _IN_SEQUENCES)
def test_names_inside_sequences_come_out_letter_for_letter(
    port: int, archive: Archive, tmp_path: Path, name: str
) -> None:
    sent = _sample(name)
    _send(port, sent, tmp_path / "sent.dcm")
    identifier = Dataset()
    identifier.QueryRetrieveLevel, identifier.StudyInstanceUID = "IMAGE", sent.StudyInstanceUID
    identifier.SeriesInstanceUID, identifier.RequestedProcedureCodeSequence = sent.SeriesInstanceUID, []
    (status, ds), _ = _find(port, StudyRootQueryRetrieveInformationModelFind, identifier)
    assert (status, ds is not None) == (0xFF00, True)
    assert ds is not None
    expected = sent.RequestedProcedureCodeSequence[0]
    assert str(ds.RequestedProcedureCodeSequence[0].PatientName) == str(expected.PatientName)
