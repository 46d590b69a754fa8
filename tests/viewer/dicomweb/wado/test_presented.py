"""Pictures as a presentation state shows them, over WADO-URI and as a rendered resource."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image
from pydicom.dataset import Dataset

from storage.archive import Archive
from storage.model import Instance
from tests.support.objects import SERIES, STUDY, ct, store
from tests.support.parts import address_of

ROWS, COLUMNS = 40, 60
SOURCE = np.arange(ROWS * COLUMNS, dtype="<i2").reshape(ROWS, COLUMNS)
GREY = np.round(SOURCE / (SOURCE.size - 1) * 255)
PR_SERIES = f"{SERIES}.9"
WINDOW = (SOURCE.size / 2, SOURCE.size)


def _state(image: Instance, uid: str = "1.2.50", frames: list[int] | None = None, **attributes: Any) -> Dataset:
    ds = ct(Rows=None, Columns=None, PixelData=None, SamplesPerPixel=None, PhotometricInterpretation=None)
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.11.1", uid
    ds.SeriesInstanceUID, ds.Modality, ds.SeriesNumber = PR_SERIES, "PR", 9
    series, reference, voi = Dataset(), Dataset(), Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = image.sop_class_uid, image.sop_instance_uid
    if frames:
        reference.ReferencedFrameNumber = frames
    series.SeriesInstanceUID, series.ReferencedImageSequence = image.series_instance_uid, [reference]
    ds.ReferencedSeriesSequence = [series]
    voi.WindowCenter, voi.WindowWidth, voi.VOILUTFunction = *WINDOW, "LINEAR_EXACT"
    ds.SoftcopyVOILUTSequence = [voi]
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    return ds


def _area(left: int, top: int, right: int, bottom: int) -> list[Dataset]:
    item = Dataset()
    item.DisplayedAreaTopLeftHandCorner, item.DisplayedAreaBottomRightHandCorner = [left, top], [right, bottom]
    return [item]


@pytest.fixture
def image(archive: Archive) -> Instance:
    """A ramp; its own window shows nothing but white."""
    ds = ct(SOPInstanceUID="1.2.1", Rows=ROWS, Columns=COLUMNS, WindowCenter=-5000, WindowWidth=2)
    ds.PixelData = SOURCE.tobytes()
    return archive.instance(store(archive, ds).sop_instance_uid)


def _ask(client: FlaskClient, image: Instance, uid: str = "1.2.50", **query: str) -> Any:
    uids = {"studyUID": STUDY, "seriesUID": image.series_instance_uid, "objectUID": image.sop_instance_uid,
            "presentationSeriesUID": PR_SERIES, "presentationUID": uid}  # fmt: skip
    return client.get("/dicom-web/wado", query_string={"requestType": "WADO", "contentType": "image/png",
                                                       **uids, **query})  # fmt: skip


def _pixels(answer: Any) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.data)), int)


def _like(found: np.ndarray, expected: np.ndarray) -> bool:
    return found.shape == expected.shape and bool(np.abs(found - expected).max() <= 1)


_SHOWN: list[tuple[dict[str, Any], np.ndarray]] = [
    ({}, GREY),
    ({"PresentationLUTShape": "INVERSE"}, 255 - GREY),
    ({"ImageRotation": 90, "ImageHorizontalFlip": "N"}, np.rot90(GREY, -1)),
    ({"ImageRotation": 180, "ImageHorizontalFlip": "N"}, GREY[::-1, ::-1]),
    # Turned first, mirrored after that (PS3.3 C.10.6).
    ({"ImageRotation": 90, "ImageHorizontalFlip": "Y"}, np.rot90(GREY, -1)[:, ::-1]),
    ({"ImageRotation": 0, "ImageHorizontalFlip": "Y"}, GREY[:, ::-1]),
    ({"DisplayedAreaSelectionSequence": _area(31, 11, 50, 20)}, GREY[10:20, 30:50]),
    # Beyond the image, as far as there is one.
    ({"DisplayedAreaSelectionSequence": _area(-99, -5, 20, 999999999)}, GREY[:, :20]),
    ({"DisplayedAreaSelectionSequence": _area(51, 1, 60, 30), "ImageRotation": 270}, np.rot90(GREY[:30, 50:])),
]


def test_window_turn_and_part_are_those_of_the_state(client: FlaskClient, archive: Archive, image: Instance) -> None:
    for number, (attributes, expected) in enumerate(_SHOWN):
        store(archive, _state(image, f"1.2.50.{number}", **attributes))
        assert _like(_pixels(_ask(client, image, f"1.2.50.{number}")), expected), attributes


@pytest.mark.parametrize(("shape", "expected"), [("IDENTITY", GREY), ("INVERSE", 255 - GREY), (None, 255 - GREY)])
def test_the_polarity_is_that_of_the_state_and_not_of_the_image(
    client: FlaskClient, archive: Archive, shape: str | None, expected: np.ndarray
) -> None:
    """PS3.4 N.2.1.4: Photometric Interpretation of the image is ignored; a state that says nothing leaves it."""
    ds = ct(SOPInstanceUID="1.2.1", Rows=ROWS, Columns=COLUMNS, PhotometricInterpretation="MONOCHROME1")
    ds.PixelData = SOURCE.tobytes()
    image = archive.instance(store(archive, ds).sop_instance_uid)
    store(archive, _state(image, PresentationLUTShape=shape))
    assert _like(_pixels(_ask(client, image)), expected)


def test_the_state_itself_is_rendered_with_its_image(client: FlaskClient, archive: Archive, image: Instance) -> None:
    store(archive, _state(image, ImageRotation=90))
    state = archive.instance("1.2.50")
    address = f"{address_of(state)}/rendered"
    shown = client.get(address, headers={"Accept": "image/png"})
    assert _like(_pixels(shown), np.rot90(GREY, -1))
    again = client.get(address, headers={"Accept": "image/png", "If-None-Match": shown.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    small = client.get(f"{address}?viewport=20,20&quality=50&annotation=patient", headers={"Accept": "image/jpeg"})
    assert Image.open(io.BytesIO(small.data)).size == (13, 20)
    for query in ("window=1,2", "viewport=9,9,1,1,2,2"):
        assert client.get(f"{address}?{query}").status_code == 400
    assert client.get(address, headers={"Accept": "video/mp4"}).status_code == 406


def _graphics(*items: tuple[str, list[float], str, str]) -> list[Dataset]:
    annotation = Dataset()
    annotation.GraphicObjectSequence = []
    for kind, data, units, filled in items:
        graphic = Dataset()
        graphic.GraphicType, graphic.GraphicData, graphic.GraphicFilled = kind, data, filled
        graphic.GraphicAnnotationUnits, graphic.NumberOfGraphicPoints = units, len(data) // 2
        graphic.GraphicDimensions = 2
        annotation.GraphicObjectSequence.append(graphic)
    return [annotation]


def test_graphics_lie_where_the_state_puts_them(client: FlaskClient, archive: Archive, image: Instance) -> None:
    black = np.zeros_like(SOURCE)
    dark = ct(SOPInstanceUID="1.2.2", Rows=ROWS, Columns=COLUMNS, PixelData=black.tobytes())
    image = archive.instance(store(archive, dark).sop_instance_uid)

    def white(uid: str, *graphics: tuple[str, list[float], str, str], **attributes: Any) -> np.ndarray:
        store(archive, _state(image, uid, GraphicAnnotationSequence=_graphics(*graphics), **attributes))
        return np.asarray(_pixels(_ask(client, image, uid)) > 200)

    line = white("1.2.51", ("POLYLINE", [5, 10.5, 50, 10.5], "PIXEL", "N"))
    assert set(np.nonzero(line)[0]) == {10}
    assert (np.nonzero(line)[1].min(), np.nonzero(line)[1].max()) == (5, 50)
    turned = white("1.2.52", ("POLYLINE", [5, 10.5, 50, 10.5], "PIXEL", "N"), ImageRotation=90)
    assert turned.shape == (COLUMNS, ROWS)
    assert abs(int(np.median(np.nonzero(turned)[1])) - (ROWS - 10.5)) <= 1
    part = white("1.2.53", ("POLYLINE", [5, 10.5, 50, 10.5], "PIXEL", "N"),
                 DisplayedAreaSelectionSequence=_area(1, 9, 60, 40))  # fmt: skip
    assert set(np.nonzero(part)[0]) == {2}
    screen = white("1.2.54", ("POLYLINE", [0, 0.5, 1, 0.5], "DISPLAY", "N"), ImageRotation=90)
    assert abs(int(np.median(np.nonzero(screen)[0])) - COLUMNS // 2) <= 1
    circle = np.argwhere(white("1.2.55", ("CIRCLE", [30, 20, 40, 20], "PIXEL", "N")))
    assert np.abs(np.hypot(circle[:, 0] - 20, circle[:, 1] - 30) - 10).max() < 2
    ellipse = np.argwhere(white("1.2.56", ("ELLIPSE", [10, 20, 50, 20, 30, 15, 30, 25], "PIXEL", "N")))
    assert np.abs(ellipse.min(0) - (15, 10)).max() <= 1
    assert np.abs(ellipse.max(0) - (25, 50)).max() <= 1
    filled = white("1.2.57", ("POLYLINE", [10, 10, 20, 10, 20, 20, 10, 20, 10, 10], "PIXEL", "Y"))
    assert filled[13:18, 13:18].all()
    assert white("1.2.58", ("POINT", [30, 20], "PIXEL", "N")).any()
    odd = [
        ("POLYLINE", [1e30, -1e30, 5, 5], "PIXEL", "Y"),
        ("CIRCLE", [1], "PIXEL", "N"),
        ("SPIRAL", [1, 2], "PIXEL", "N"),
    ]
    white("1.2.59", *odd)  # a picture comes, whatever they say


def test_text_is_never_mirrored(client: FlaskClient, archive: Archive, image: Instance) -> None:
    annotation, text = Dataset(), Dataset()
    text.UnformattedTextValue, text.AnchorPoint, text.AnchorPointAnnotationUnits = "Lo", [10, 10], "PIXEL"
    text.AnchorPointVisibility = "N"
    annotation.TextObjectSequence = [text]
    for uid, flip in (("1.2.61", "N"), ("1.2.62", "Y")):
        store(archive, _state(image, uid, ImageRotation=0, ImageHorizontalFlip=flip,
                              GraphicAnnotationSequence=[annotation]))  # fmt: skip
        store(archive, _state(image, f"{uid}.1", ImageRotation=0, ImageHorizontalFlip=flip))
    shapes = []
    for uid, left in (("1.2.61", 10), ("1.2.62", COLUMNS - 10)):
        marks = _pixels(_ask(client, image, uid)) != _pixels(_ask(client, image, f"{uid}.1"))
        assert marks.any()
        found = np.argwhere(marks)
        assert abs(int(found[:, 1].min()) - left) <= 2
        shapes.append(marks[found[:, 0].min() : found[:, 0].max() + 1, found[:, 1].min() : found[:, 1].max() + 1])
    columns = min(shape.shape[1] for shape in shapes)
    assert (shapes[0][:, :columns] == shapes[1][:, :columns]).mean() > 0.9


def test_a_text_without_end_or_far_away_harms_nothing(client: FlaskClient, archive: Archive, image: Instance) -> None:
    annotation, text = Dataset(), Dataset()
    text.AnchorPoint, text.AnchorPointAnnotationUnits, text.AnchorPointVisibility = [10, 10], "PIXEL", "N"
    text.add_new(0x00700006, "UT", "First line\r\n" + "W" * 3_000_000)
    far = Dataset()
    far.AnchorPoint, far.AnchorPointAnnotationUnits, far.UnformattedTextValue = [1e30, -1e30], "PIXEL", "far"
    annotation.TextObjectSequence = [text, far]
    store(archive, _state(image, GraphicAnnotationSequence=[annotation]))
    assert _pixels(_ask(client, image)).shape == (ROWS, COLUMNS)


_REFUSED: list[tuple[dict[str, str], int]] = [
    ({"presentationUID": ""}, 400),
    ({"presentationSeriesUID": ""}, 400),
    ({"presentationUID": "1.2.99"}, 404),
    ({"presentationUID": "../x"}, 404),
    ({"presentationSeriesUID": SERIES, "presentationUID": "1.2.1"}, 400),
    ({"region": "0,0,1,1"}, 400),
    ({"windowCenter": "1", "windowWidth": "2"}, 400),
    ({"rows": "0"}, 400),
    ({"presentationUID": "1.2.70"}, 400),
    ({"presentationUID": "1.2.71"}, 400),
]


def test_what_does_not_fit_is_refused_in_a_sentence(client: FlaskClient, archive: Archive, image: Instance) -> None:
    other = archive.instance(store(archive, ct(SOPInstanceUID="1.2.3")).sop_instance_uid)
    store(archive, _state(image))
    store(archive, _state(other, "1.2.70"))
    store(archive, _state(image, "1.2.71", frames=[2, 3]))
    for query, status in _REFUSED:
        answer = _ask(client, image, **query)
        assert answer.status_code == status, query
        assert answer.json["detail"]
    no_state = _ask(client, image, "1.2.1", presentationSeriesUID=SERIES)
    assert "named as presentation state is none" in no_state.json["detail"]


def test_a_state_of_an_image_that_is_not_here(client: FlaskClient, archive: Archive, image: Instance) -> None:
    missing, nameless = _state(image, "1.2.80"), _state(image, "1.2.81")
    missing.ReferencedSeriesSequence[0].ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.2.404"
    del nameless.ReferencedSeriesSequence
    elsewhere = ct(StudyInstanceUID="1.2.9", SeriesInstanceUID="1.2.9.1", SOPInstanceUID="1.2.9.1.1")
    stranger = _state(archive.instance(store(archive, elsewhere).sop_instance_uid), "1.2.82")
    for ds in (missing, nameless, stranger):
        state = archive.instance(store(archive, ds).sop_instance_uid)
        assert client.get(f"{address_of(state)}/rendered").status_code == 404


def test_rows_and_columns_are_those_of_the_screen(client: FlaskClient, archive: Archive, image: Instance) -> None:
    store(archive, _state(image, ImageRotation=90))
    store(archive, _state(image, "1.2.51"))
    etags = {_ask(client, image, uid, **size).headers["ETag"] for uid in ("1.2.50", "1.2.51")
             for size in ({}, {"rows": "30"}, {"rows": "30", "columns": "10"})}  # fmt: skip
    assert len(etags) == 6
    assert _pixels(_ask(client, image, rows="30")).shape == (30, 20)
    assert _pixels(_ask(client, image, columns="80")).shape == (120, 80)
    assert _pixels(_ask(client, image, rows="30", columns="10")).shape == (15, 10)
