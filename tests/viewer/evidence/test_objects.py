"""Tags, masks, contours, waveforms and videos, as the reading room asks for them."""

from __future__ import annotations

import io
import xml.etree.ElementTree as ET
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from storage.archive import Archive
from storage.model import Instance
from tests.support.evidence import slice_of
from tests.support.objects import STUDY, ct, store
from viewer.evidence.palette import from_lab

SEGMENTATION, STRUCTURES = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.481.3"


def address(uid: str, what: str, study: str = STUDY) -> str:
    return f"/study/{study}/instances/{uid}/{what}"


# ---- tags


def names(nodes: list[dict[str, Any]]) -> list[str]:
    return [node["keyword"] for node in nodes]


def test_tags_are_a_tree(archive: Archive, client: FlaskClient) -> None:
    item = Dataset()
    item.CodeValue, item.CodeMeaning = "T-1", "Phổi"
    uid = store(archive, slice_of(AnatomicRegionSequence=[item])).sop_instance_uid
    nodes = {node["keyword"]: node for node in client.get(address(uid, "tags")).get_json()["nodes"]}
    assert nodes["PatientName"]["value"] == "Nguyễn^Văn^Đức"
    assert nodes["PixelSpacing"] == {
        "tag": "(0028,0030)", "vr": "DS", "name": "Pixel Spacing", "keyword": "PixelSpacing", "value": "0.5\\0.25",
        "is_binary": False,
    }  # fmt: skip
    assert names(nodes["AnatomicRegionSequence"]["items"][0]) == ["CodeValue", "CodeMeaning"]
    assert nodes["TransferSyntaxUID"]["tag"] == "(0002,0010)"
    assert nodes["PixelData"]["is_binary"]


@pytest.mark.parametrize("words", ["phoi", "Code Meaning", "0008,0104", "codemeaning"])
def test_search_keeps_what_leads_to_a_finding(archive: Archive, client: FlaskClient, words: str) -> None:
    item = Dataset()
    item.CodeValue, item.CodeMeaning = "T-1", "Phổi"
    uid = store(archive, slice_of(AnatomicRegionSequence=[item], StudyDescription="CT")).sop_instance_uid
    nodes = client.get(address(uid, "tags"), query_string={"q": words}).get_json()["nodes"]
    found = [node for node in nodes if node["keyword"] == "AnatomicRegionSequence"]
    assert names(found[0]["items"][0]) == ["CodeMeaning"]
    assert "PatientID" not in names(nodes)


def test_private_and_odd_values_do_not_stop_the_tree(archive: Archive, client: FlaskClient) -> None:
    ds = slice_of()
    block = ds.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", bytes(5000))
    ds.ImageComments = "x" * 3000
    uid = store(archive, ds).sop_instance_uid
    nodes = {node["tag"]: node for node in client.get(address(uid, "tags")).get_json()["nodes"]}
    assert nodes["(0029,1010)"]["is_binary"]
    assert nodes["(0029,1010)"]["value"] == "5000"
    assert nodes["(0029,0010)"]["name"] == "Private Creator"
    assert len(nodes["(0020,4000)"]["value"]) == 401


def test_a_tree_of_many_nodes_is_cut_and_says_so(archive: Archive, client: FlaskClient) -> None:
    items = []
    for _ in range(5100):
        item = Dataset()
        item.CodeValue = "1"
        items.append(item)
    uid = store(archive, slice_of(AnatomicRegionSequence=items)).sop_instance_uid
    assert client.get(address(uid, "tags")).get_json()["is_cut"] is True


# ---- segmentations


def segmentation(images: list[Instance], with_sources: bool = True, **attributes: object) -> Dataset:
    """Two segments over as many images: the left and the right half of each picture."""
    ds = ct(Rows=64, Columns=64, PixelData=None)
    ds.SOPClassUID, ds.SOPInstanceUID, ds.SeriesInstanceUID = SEGMENTATION, "1.2.3.66", "1.2.3.6"
    ds.Modality, ds.FrameOfReferenceUID = "SEG", "1.2.3.4"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 1, 1, 0, 0
    ds.SegmentationType, ds.NumberOfFrames = "BINARY", 2 * len(images)
    ds.SegmentSequence = [_segment(1, "Phổi phải"), _segment(2, "Phổi trái", lab=[34891, 53485, 50171])]
    half = np.zeros((64, 64), np.uint8)
    half[:, :32] = 1
    planes = [half, 1 - half] * len(images)
    ds.PixelData = np.packbits(np.concatenate([p.ravel() for p in planes]), bitorder="little").tobytes()
    ds.SharedFunctionalGroupsSequence = [_shared()]
    ds.PerFrameFunctionalGroupsSequence = [
        _frame(image, position, segment, with_sources) for position, image in enumerate(images) for segment in (1, 2)
    ]
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def _segment(number: int, label: str, lab: list[int] | None = None) -> Dataset:
    ds = Dataset()
    ds.SegmentNumber, ds.SegmentLabel, ds.SegmentAlgorithmType = number, label, "MANUAL"
    if lab:
        ds.RecommendedDisplayCIELabValue = lab
    return ds


def _shared() -> Dataset:
    ds, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [0.5, 0.25]
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelMeasuresSequence, ds.PlaneOrientationSequence = [measures], [orientation]
    return ds


def _frame(image: Instance, position: int, segment: int, with_source: bool) -> Dataset:
    ds, plane, identification = Dataset(), Dataset(), Dataset()
    plane.ImagePositionPatient = [0, 0, 5 * position]
    identification.ReferencedSegmentNumber = segment
    ds.PlanePositionSequence, ds.SegmentIdentificationSequence = [plane], [identification]
    if with_source:
        source, derivation = Dataset(), Dataset()
        source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = image.sop_class_uid, image.sop_instance_uid
        derivation.SourceImageSequence = [source]
        ds.DerivationImageSequence = [derivation]
    return ds


@pytest.fixture
def images(archive: Archive) -> list[Instance]:
    """Two slices, 5 mm apart."""
    uids = [
        store(
            archive, slice_of(SOPInstanceUID=f"1.2.5.{i}", InstanceNumber=i, ImagePositionPatient=[0, 0, 5 * i])
        ).sop_instance_uid
        for i in (0, 1)
    ]
    return [archive.instance(uid) for uid in uids]


@pytest.mark.parametrize("with_sources", [True, False])
def test_segments_lie_over_their_images(
    archive: Archive, client: FlaskClient, images: list[Instance], with_sources: bool
) -> None:
    uid = store(archive, segmentation(images, with_sources)).sop_instance_uid
    found = client.get(address(uid, "segmentation")).get_json()
    assert [(s["number"], s["label"]) for s in found["segments"]] == [(1, "Phổi phải"), (2, "Phổi trái")]
    placed = [(f["frame"], f["segment"], f["image"]["instance"], f["image"]["frame"]) for f in found["frames"]]
    assert placed == [(1, 1, "1.2.5.0", 1), (2, 2, "1.2.5.0", 1), (3, 1, "1.2.5.1", 1), (4, 2, "1.2.5.1", 1)]
    assert found["segments"][1]["color"] == [255, 0, 0]


def picture(client: FlaskClient, where: str) -> Any:
    answer = client.get(where)
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.data)))


def test_a_mask_is_what_the_segment_covers(archive: Archive, client: FlaskClient, images: list[Instance]) -> None:
    uid = store(archive, segmentation(images)).sop_instance_uid
    left = picture(client, address(uid, "frames/1/mask"))
    right = picture(client, address(uid, "frames/2/mask"))
    assert left.shape == (64, 64)
    assert (left[:, :32] == 255).all()
    assert (left[:, 32:] == 0).all()
    assert (left.astype(int) + right == 255).all()


def test_a_fraction_is_less_than_whole(archive: Archive, client: FlaskClient, images: list[Instance]) -> None:
    ds = segmentation(
        images[:1], BitsAllocated=8, BitsStored=8, HighBit=7, SegmentationType="FRACTIONAL", MaximumFractionalValue=100
    )
    ds.PixelData = np.full((2, 64, 64), 50, np.uint8).tobytes()
    uid = store(archive, ds).sop_instance_uid
    assert set(picture(client, address(uid, "frames/1/mask")).ravel()) == {127}


def test_a_label_map_gives_the_segment_asked_for(archive: Archive, client: FlaskClient, images: list[Instance]) -> None:
    ds = segmentation(
        images[:1], BitsAllocated=8, BitsStored=8, HighBit=7, SegmentationType="LABELMAP", NumberOfFrames=1
    )
    ds.PixelData = np.repeat(np.arange(4, dtype=np.uint8), 64 * 16).tobytes()
    uid = store(archive, ds).sop_instance_uid
    assert client.get(address(uid, "segmentation")).get_json()["is_labelmap"] is True
    found = picture(client, address(uid, "frames/1/mask?segment=2"))
    assert (found[32:48] == 255).all()
    assert int(found.sum()) == 255 * 64 * 16


@pytest.mark.parametrize("what", ["segmentation", "structures", "waveform", "video"])
def test_what_an_object_is_not_is_said(client: FlaskClient, images: list[Instance], what: str) -> None:
    answer = client.get(address(images[0].sop_instance_uid, what))
    assert answer.status_code == 422
    assert answer.get_json()["detail"]


def test_a_mask_that_is_not_there_is_not_found(archive: Archive, client: FlaskClient, images: list[Instance]) -> None:
    uid = store(archive, segmentation(images)).sop_instance_uid
    assert client.get(address(uid, "frames/9/mask")).status_code == 404


def test_lab_colours_become_those_of_a_screen() -> None:
    assert from_lab(100, 0, 0) == (255, 255, 255)
    assert from_lab(0, 0, 0) == (0, 0, 0)
    assert from_lab(53.24, 80.09, 67.2) == pytest.approx((255, 0, 0), abs=1)


# ---- structures


def structures(image: Instance, with_reference: bool, z: float) -> Dataset:
    ds = ct(PixelData=None, Rows=None, Columns=None, SamplesPerPixel=None)
    ds.SOPClassUID, ds.SOPInstanceUID, ds.SeriesInstanceUID = STRUCTURES, "1.2.3.48", "1.2.3.8"
    ds.Modality, ds.StructureSetLabel = "RTSTRUCT", "RS"
    frame, roi, contours, contour = Dataset(), Dataset(), Dataset(), Dataset()
    frame.FrameOfReferenceUID = "1.2.3.4"
    ds.ReferencedFrameOfReferenceSequence = [frame]
    roi.ROINumber, roi.ROIName, roi.ReferencedFrameOfReferenceUID = 1, "Tim", "1.2.3.4"
    contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", 3
    contour.ContourData = [0, 0, z, 2.5, 0, z, 2.5, 5, z]
    if with_reference:
        reference = Dataset()
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = (
            image.sop_class_uid,
            image.sop_instance_uid,
        )
        contour.ContourImageSequence = [reference]
    contours.ReferencedROINumber, contours.ROIDisplayColor, contours.ContourSequence = 1, [255, 0, 0], [contour]
    ds.StructureSetROISequence, ds.ROIContourSequence = [roi], [contours]
    return ds


@pytest.mark.parametrize("with_reference", [True, False])
def test_contours_are_in_pixels_of_their_image(
    archive: Archive, client: FlaskClient, images: list[Instance], with_reference: bool
) -> None:
    uid = store(archive, structures(images[1], with_reference, 5)).sop_instance_uid
    found = client.get(address(uid, "structures")).get_json()
    assert found["structures"] == [{"number": 1, "name": "Tim", "type": "", "color": [255, 0, 0]}]
    # 0.25 mm across, 0.5 mm down; the patient's origin is the centre of the first pixel.
    assert found["contours"] == [
        {
            "structure": 1,
            "image": {"instance": "1.2.5.1", "frame": 1},
            "closed": True,
            "points": [[0.5, 0.5], [10.5, 0.5], [10.5, 10.5]],
        }
    ]


def test_a_contour_between_slices_is_counted_not_moved(
    archive: Archive, client: FlaskClient, images: list[Instance]
) -> None:
    uid = store(archive, structures(images[1], with_reference=False, z=2.5)).sop_instance_uid
    found = client.get(address(uid, "structures")).get_json()
    assert (found["contours"], found["unplaced"]) == ([], 1)


# ---- waveforms and videos


def test_an_ecg_is_drawn_at_its_scale(archive: Archive, client: FlaskClient) -> None:
    path = get_testdata_file("waveform_ecg.dcm", download=False)
    assert path is not None
    from pydicom import dcmread

    ds = dcmread(path)
    uid = store(archive, ds).sop_instance_uid
    answer = client.get(address(uid, "waveform", str(ds.StudyInstanceUID)))
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "image/svg+xml"
    assert "script" not in answer.headers["Content-Security-Policy"]
    root = ET.fromstring(answer.text)
    labels = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert labels[:3] == ["I", "II", "III"]
    assert len(labels) == 12
    group = ds.WaveformSequence[0]
    seconds = group.NumberOfWaveformSamples / group.SamplingFrequency
    assert float(root.attrib["width"].removesuffix("mm")) == pytest.approx(14 + seconds * 25 + 4)


def test_a_square_wave_of_a_millivolt_is_ten_millimetres_high(archive: Archive, client: FlaskClient) -> None:
    channel, source, unit, group = Dataset(), Dataset(), Dataset(), Dataset()
    unit.CodeValue, unit.CodingSchemeDesignator, unit.CodeMeaning = "uV", "UCUM", "microvolt"
    source.CodeValue, source.CodingSchemeDesignator, source.CodeMeaning = "2:1", "MDC", "Lead I"
    channel.ChannelSourceSequence, channel.ChannelSensitivityUnitsSequence = [source], [unit]
    channel.ChannelSensitivity, channel.ChannelSensitivityCorrectionFactor, channel.ChannelBaseline = 10, 1, 0
    channel.WaveformBitsStored = 16
    group.ChannelDefinitionSequence, group.NumberOfWaveformChannels = [channel], 1
    group.NumberOfWaveformSamples, group.SamplingFrequency = 100, 100
    group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
    group.WaveformData = np.repeat(np.array([0, 100], "<i2"), 50).tobytes()
    ds = ct(PixelData=None, Rows=None, Columns=None)
    ds.SOPClassUID, ds.Modality, ds.WaveformSequence = "1.2.840.10008.5.1.4.1.1.9.1.1", "ECG", [group]
    uid = store(archive, ds).sop_instance_uid
    root = ET.fromstring(client.get(address(uid, "waveform")).text)
    path = list(root.iter("{http://www.w3.org/2000/svg}path"))[-1].attrib["d"]
    points = [tuple(map(float, pair.split())) for pair in path.removeprefix("M").split("L")]
    assert max(y for _, y in points) - min(y for _, y in points) == pytest.approx(10)
    assert points[-1][0] - points[0][0] == pytest.approx(25, abs=0.3)
    page = client.get(address(uid, "document"))
    assert page.status_code == 200
    assert "25 mm/s, 10 mm/mV" in page.text


def test_a_video_is_played_in_parts(archive: Archive, client: FlaskClient) -> None:
    video = b"\0\0\0\x18ftypisom" + bytes(range(256)) * 40
    ds = ct(SamplesPerPixel=3, PixelData=encapsulate([video]), SOPClassUID="1.2.840.10008.5.1.4.1.1.77.1.4.1")
    ds["PixelData"].is_undefined_length = True
    ds["PixelData"].VR = "OB"
    uid = store(archive, ds, transfer_syntax_uid="1.2.840.10008.1.2.4.102").sop_instance_uid
    with client.get(address(uid, "video")) as whole:
        assert (whole.status_code, whole.mimetype, whole.data) == (200, "video/mp4", video)
    with client.get(address(uid, "video"), headers={"Range": "bytes=4-11"}) as part:
        assert (part.status_code, part.data) == (206, b"ftypisom")
    (series,) = client.get(f"/study/{STUDY}/series").get_json()["series"]
    assert (series["frames"], series["documents"]) == (0, 1), "it is played, not drawn by frame"
    (listed,) = client.get(f"/study/{STUDY}/series/{series['uid']}/documents").get_json()["documents"]
    assert "<video controls" in client.get(listed["page"]).text


def test_a_video_that_browsers_do_not_play_is_refused(archive: Archive, client: FlaskClient) -> None:
    ds = ct(SamplesPerPixel=3, PixelData=encapsulate([b"\x47" * 376]), SOPClassUID="1.2.840.10008.5.1.4.1.1.77.1.4.1")
    ds["PixelData"].is_undefined_length = True
    ds["PixelData"].VR = "OB"
    uid = store(archive, ds, transfer_syntax_uid="1.2.840.10008.1.2.4.100").sop_instance_uid
    assert client.get(address(uid, "video")).status_code == 422
