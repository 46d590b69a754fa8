from __future__ import annotations

import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from pydicom import Dataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from sample_dicom.catalogue import STUDIES

Committed = dict[Path, Dataset]
SeriesOf = Callable[[str, str], list[Dataset]]


def test_every_study_is_there_and_nothing_else(studies: Path, committed: Committed) -> None:
    assert {p.parent.name for p in committed} == set(STUDIES)
    assert {p for p in studies.rglob("*") if p.is_file()} == set(committed)


def test_set_is_at_most_eight_megabytes(committed: Committed) -> None:
    assert sum(path.stat().st_size for path in committed) <= 8_000_000


def test_no_file_has_an_error_for_dciodvfy(dciodvfy: str, committed: Committed) -> None:
    errors = []
    for path in committed:
        run = subprocess.run([dciodvfy, path], capture_output=True, text=True, errors="replace", check=False)
        errors += [f"{path.name}: {line}" for line in (run.stdout + run.stderr).splitlines() if "Error" in line]
        assert run.returncode == 0, path
    assert errors == []


def test_uids_are_valid_unique_and_consistent(committed: Committed) -> None:
    for ds in committed.values():
        for uid in (ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID):
            assert re.fullmatch(r"2\.25\.[1-9][0-9]{0,38}", uid)
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
        assert ds.file_meta.MediaStorageSOPClassUID == ds.SOPClassUID
    instances = Counter(ds.SOPInstanceUID for ds in committed.values())
    assert max(instances.values()) == 1
    levels = {uid for ds in committed.values() for uid in (ds.StudyInstanceUID, ds.SeriesInstanceUID)}
    assert levels.isdisjoint(instances)


def test_one_study_uid_to_a_folder_and_one_patient_to_a_study(committed: Committed) -> None:
    folders: dict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for path, ds in committed.items():
        folders[path.parent.name].add((ds.StudyInstanceUID, ds.PatientID, str(ds.PatientName)))
    assert all(len(found) == 1 for found in folders.values())
    assert len(set.union(*folders.values())) == len(STUDIES)


def test_several_transfer_syntaxes_are_represented(committed: Committed) -> None:
    found = {ds.file_meta.TransferSyntaxUID for ds in committed.values()}
    assert found == {
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        JPEGLosslessSV1,
        JPEGLSLossless,
        JPEG2000Lossless,
        RLELossless,
        JPEGBaseline8Bit,
    }


def test_every_image_decodes_within_its_bits(committed: Committed) -> None:
    for path, ds in committed.items():
        if "PixelData" in ds:
            pixels = ds.pixel_array
            assert pixels.min() < pixels.max() < 2**ds.BitsStored, path


def test_names_survive_their_character_sets(committed: Committed) -> None:
    names = {str(ds.PatientName): ds.SpecificCharacterSet for ds in committed.values()}
    assert names["Nguyễn^Văn Mẫu"] == "ISO_IR 192"
    assert names["Müsterfrau^Käthe^^Dr."] == "ISO_IR 100"
    assert list(names["Shiken^Hanako=試験^花子=しけん^はなこ"]) == ["", "ISO 2022 IR 87"]


@pytest.mark.parametrize(
    ("study", "modality", "count", "spacing"),
    [("ct-chest", "CT", 48, 6.0), ("ct-head", "CT", 19, 7.0), ("pet-ct", "CT", 24, 12.0), ("pet-ct", "PT", 24, 12.0)],
)
def test_slices_run_from_head_to_feet_evenly(
    series_of: SeriesOf, study: str, modality: str, count: int, spacing: float
) -> None:
    slices = series_of(study, modality)
    heights = [float(ds.ImagePositionPatient[2]) for ds in slices]
    assert len(slices) == count
    assert all(a - b == pytest.approx(spacing) for a, b in pairwise(heights))
    assert {tuple(ds.ImageOrientationPatient) for ds in slices} == {(1, 0, 0, 0, 1, 0)}
    assert {tuple(ds.ImagePositionPatient[:2]) for ds in slices} == {tuple(slices[0].ImagePositionPatient[:2])}


def test_t1_and_t2_share_frame_of_reference_and_planes(series_of: SeriesOf) -> None:
    by_series: dict[str, list[Dataset]] = defaultdict(list)
    for ds in series_of("mr-brain", "MR"):
        by_series[ds.SeriesDescription].append(ds)
    t1, t2 = by_series["T1 SE axial"], by_series["T2 TSE axial"]
    assert len({ds.FrameOfReferenceUID for ds in t1 + t2}) == 1
    assert [ds.ImagePositionPatient for ds in t1] == [ds.ImagePositionPatient for ds in t2]


def test_pet_and_ct_share_frame_of_reference_and_heights(series_of: SeriesOf) -> None:
    ct, pet = series_of("pet-ct", "CT"), series_of("pet-ct", "PT")
    assert len({ds.FrameOfReferenceUID for ds in ct + pet}) == 1
    assert [ds.ImagePositionPatient[2] for ds in ct] == [ds.ImagePositionPatient[2] for ds in pet]


def test_one_radiograph_is_inverse(series_of: SeriesOf) -> None:
    pa, lateral = series_of("dx-chest", "DX")
    assert (pa.PhotometricInterpretation, pa.PresentationLUTShape) == ("MONOCHROME2", "IDENTITY")
    assert (lateral.PhotometricInterpretation, lateral.PresentationLUTShape) == ("MONOCHROME1", "INVERSE")
    assert pa.pixel_array[-1, 0] < 300, "the air beside the body is black: low in MONOCHROME2"
    assert lateral.pixel_array[-1, 0] > 3800, "and high in MONOCHROME1"


def test_cine_is_calibrated_and_lossy(series_of: SeriesOf) -> None:
    (cine,) = series_of("us-cine", "US")
    region = cine.SequenceOfUltrasoundRegions[0]
    assert cine.pixel_array.shape == (16, 384, 512, 3)
    assert (region.PhysicalUnitsXDirection, region.PhysicalDeltaX) == (3, pytest.approx(0.04))
    assert cine.LossyImageCompression == "01"


def test_enhanced_ct_indexes_its_frames(series_of: SeriesOf) -> None:
    (ds,) = series_of("enhanced-ct", "CT")
    frames = ds.PerFrameFunctionalGroupsSequence
    heights = [f.PlanePositionSequence[0].ImagePositionPatient[2] for f in frames]
    assert ds.pixel_array.shape[0] == ds.NumberOfFrames == len(frames) == 14
    assert heights == [5 + 20 * k for k in range(14)]
    assert [f.FrameContentSequence[0].DimensionIndexValues[1] for f in frames] == list(range(1, 15))


def test_report_speaks_of_the_slice_through_the_nodule(committed: Committed, series_of: SeriesOf) -> None:
    (report,) = series_of("ct-chest", "SR")
    item = report.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    (image,) = [ds for ds in series_of("ct-chest", "CT") if ds.SOPInstanceUID == item.ReferencedSOPInstanceUID]
    assert report.StudyInstanceUID == image.StudyInstanceUID
    assert abs(float(image.ImagePositionPatient[2]) - 196) <= 3


def test_pdf_is_whole(series_of: SeriesOf) -> None:
    (ds,) = series_of("mr-brain", "DOC")
    document = ds.EncapsulatedDocument[: ds.EncapsulatedDocumentLength]
    assert document.startswith(b"%PDF-1.4\n")
    assert document.endswith(b"%%EOF\n")
    start = int(document.rsplit(b"startxref\n", 1)[1].split()[0])
    assert document[start : start + 4] == b"xref"
