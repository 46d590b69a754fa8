"""What the reading room is told of frames: compact, with SUV, shutters and the way that pixels travel."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset

from sample_dicom import studies_folder
from storage.archive import Archive
from storage.pixels import PixelObject, open_object
from tests.support.objects import SERIES, STUDY, ct, store, write_file
from viewer.frame_records import END, FRAME, HEAD
from viewer.reading.compact import compact
from viewer.reading.pixels import FLOAT32, RGB8, samples, transport
from viewer.reading.suv import suv_body_weight_factor
from viewer.rendering.modality import read_modality
from viewer.rendering.shutter import read_shutter

VALUES = st.one_of(st.none(), st.integers(0, 3), st.lists(st.integers(0, 1), max_size=2))


@given(st.lists(st.dictionaries(st.sampled_from("abc"), VALUES), max_size=5))
def test_compact_records_are_the_same_records(records: list[dict[str, object]]) -> None:
    answer = compact(records)
    assert [{**answer["shared"], **own} for own in answer["each"]] == records


def pet(number: int) -> Dataset:
    (path,) = (studies_folder() / "pet-ct").glob(f"pt*-{number:04d}.dcm")
    return dcmread(path)


def test_suv_of_the_known_nodule() -> None:
    """8.7 in the slice nearest to the nodule's middle (sample_dicom/README.md)."""
    ds = pet(8)
    factor = suv_body_weight_factor(ds)
    assert factor is not None
    values = ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)
    assert values.max() * factor == pytest.approx(8.7, abs=0.3)


@pytest.mark.parametrize(
    "missing", ["PatientWeight", "Units", "DecayCorrection", "RadiopharmaceuticalInformationSequence"]
)
def test_suv_is_not_guessed(missing: str) -> None:
    ds = pet(8)
    delattr(ds, missing)
    assert suv_body_weight_factor(ds) is None


def test_suv_of_what_is_suv_already_and_of_no_pet() -> None:
    ds = pet(8)
    ds.Units = "GML"
    assert suv_body_weight_factor(ds) == 1
    ds.Modality = "CT"
    assert suv_body_weight_factor(ds) is None


def test_shutters_with_all_their_shapes() -> None:
    ds = Dataset()
    assert read_shutter(ds, 0) is None
    ds.ShutterShape = ["RECTANGULAR", "CIRCULAR", "POLYGONAL"]
    ds.ShutterLeftVerticalEdge, ds.ShutterRightVerticalEdge = 3, 90
    ds.ShutterUpperHorizontalEdge, ds.ShutterLowerHorizontalEdge = 4, 80
    ds.CenterOfCircularShutter, ds.RadiusOfCircularShutter = [50, 40], 30
    ds.VerticesOfThePolygonalShutter = [1, 1, 1, 99, 99, 99]
    ds.ShutterPresentationValue = 0xFFFF
    assert read_shutter(ds, 0) == {
        "rectangle": {"left": 3, "right": 90, "top": 4, "bottom": 80},
        "circle": {"row": 50, "column": 40, "radius": 30},
        "polygon": [[1, 1], [1, 99], [99, 99]],
        "grey": 1,
    }


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., PixelObject]:
    def make(**attributes: object) -> PixelObject:
        return open_object(write_file(tmp_path / "object.dcm", ct(**attributes)))

    return make


def way(obj: PixelObject) -> str | None:
    with obj:
        return transport(obj, read_modality(obj.ds, 0, obj.description.is_signed, True))


def test_plain_greys_travel_as_they_are_stored(opened: Callable[..., PixelObject]) -> None:
    assert way(opened()) == "int16"
    assert way(opened(PixelRepresentation=0, BitsStored=12, HighBit=11)) == "uint16"
    assert way(opened(PixelRepresentation=0, BitsStored=12, HighBit=15)) is None
    eight = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0, "PixelData": bytes(64)}
    assert way(opened(**eight)) == "uint8"


def test_colour_is_made_ready(opened: Callable[..., PixelObject]) -> None:
    rgb = np.arange(8 * 8 * 3, dtype=np.uint8)
    shape = {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "PixelRepresentation": 0, "SamplesPerPixel": 3}
    obj = opened(**shape, PhotometricInterpretation="RGB", PlanarConfiguration=0, PixelData=rgb.tobytes())
    with obj:
        assert transport(obj, read_modality(obj.ds, 0, False, True)) is None
        code, values = samples(obj, 0)
    assert code == RGB8
    assert values.ravel().tolist() == rgb.tolist()


def test_greys_that_need_it_come_as_modality_values(opened: Callable[..., PixelObject]) -> None:
    with opened(RescaleSlope=0.5, RescaleIntercept=-3) as obj:
        code, values = samples(obj, 0)
    assert code == FLOAT32
    assert values.dtype == np.dtype("<f4")
    assert values.ravel()[:3].tolist() == [-3, -2.5, -2]


def test_what_is_no_number_stays_none(opened: Callable[..., PixelObject]) -> None:
    numbers = np.linspace(0, 1, 64, dtype=np.float32)
    numbers[[3, 9]] = np.nan, np.inf
    form = {"BitsAllocated": 32, "BitsStored": None, "HighBit": None, "PixelRepresentation": None, "PixelData": None}
    with opened(**form, FloatPixelData=numbers.tobytes(), RescaleSlope=2, RescaleIntercept=1) as obj:
        code, values = samples(obj, 0)
    assert code == FLOAT32
    assert np.flatnonzero(np.isnan(values)).tolist() == [3, 9]
    assert values.ravel()[[0, 63]].tolist() == [1, 3]


def test_facts_and_ready_frames_over_http(client: FlaskClient, archive: Archive) -> None:
    store(archive, ct())
    told = client.get(f"/study/{STUDY}/series/{SERIES}/facts").json
    assert told["total"] == 1
    assert told["shared"]["transport"] == "int16"
    assert client.get(f"/study/{STUDY}/series/{SERIES}/facts").headers["ETag"]
    body = io.BytesIO(client.get(f"/study/{STUDY}/series/{SERIES}/pixels?frames=0", buffered=True).data)
    position, _, frame, code, _, kind, length, _ = HEAD.unpack(body.read(HEAD.size))
    assert (position, frame, code, kind, length) == (0, 1, FLOAT32, FRAME, 64 * 4)
    assert np.frombuffer(body.read(length), "<f4").tolist() == list(range(64))
    assert HEAD.unpack(body.read(HEAD.size))[5] == END
    for wrong in ("", "x", "5", "0-9", "-1", "0,,0"):
        assert client.get(f"/study/{STUDY}/series/{SERIES}/pixels?frames={wrong}").status_code == 400, wrong


def test_facts_of_many_frames_travel_packed(client: FlaskClient, archive: Archive) -> None:
    for number in range(1, 41):
        store(archive, ct(SOPInstanceUID=f"1.2.3.{number}", InstanceNumber=number, SliceLocation=number / 7))
    address = f"/study/{STUDY}/series/{SERIES}/facts"
    plain, packed = client.get(address), client.get(address, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) < len(plain.data) / 2
    assert "Accept-Encoding" in packed.vary
    assert {"Authorization", "Cookie"} <= set(packed.vary)


def test_an_overlay_as_a_clear_picture(client: FlaskClient, archive: Archive) -> None:
    ds = ct()
    bits = np.zeros((8, 8), np.uint8)
    bits[2, 3] = 1
    ds.add_new(0x60000010, "US", 8)
    ds.add_new(0x60000011, "US", 8)
    ds.add_new(0x60000040, "CS", "G")
    ds.add_new(0x60000050, "SS", [1, 1])
    ds.add_new(0x60000100, "US", 1)
    ds.add_new(0x60000102, "US", 0)
    ds.add_new(0x60003000, "OW", np.packbits(bits, bitorder="little").tobytes())
    store(archive, ds)
    assert client.get(f"/study/{STUDY}/series/{SERIES}/facts").json["shared"]["overlay"] is True
    answer = client.get(f"/study/{STUDY}/instances/{ds.SOPInstanceUID}/frames/1/overlay")
    alpha = np.asarray(Image.open(io.BytesIO(answer.data)).getchannel("A"))
    assert np.argwhere(alpha).tolist() == [[2, 3]]


@pytest.mark.parametrize(
    ("motion", "angles"), [("STATIC", {"primary_angle": 30, "secondary_angle": -25}), ("DYNAMIC", {})]
)
def test_from_where_an_arm_looks_unless_it_moves(
    client: FlaskClient, archive: Archive, motion: str, angles: dict[str, float]
) -> None:
    store(archive, ct(PositionerMotion=motion, PositionerPrimaryAngle=30, PositionerSecondaryAngle=-25))
    told = client.get(f"/study/{STUDY}/series/{SERIES}/facts").get_json()
    assert {**told["shared"], **told["each"][0]}["technique"] == angles


def test_what_tells_phases_apart_also_where_frames_have_groups(client: FlaskClient, archive: Archive) -> None:
    store(archive, ct(TemporalPositionIdentifier=3, TriggerTime=40, EchoTime=90))
    diffusion, group = Dataset(), Dataset()
    diffusion.DiffusionBValue = 800.0
    group.MRDiffusionSequence = [diffusion]
    store(archive, ct(SOPInstanceUID="1.2.3.4", InstanceNumber=2, PerFrameFunctionalGroupsSequence=[group]))
    told = client.get(f"/study/{STUDY}/series/{SERIES}/facts").get_json()
    found = [{**told["shared"], **own}["technique"] for own in told["each"]]
    assert found == [{"temporal_position": 3, "trigger_time": 40, "echo_time": 90}, {"b_value": 800}]
