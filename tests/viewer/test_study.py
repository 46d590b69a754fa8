"""A study: its page, its facts, its images, its documents."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from storage.archive import Archive
from storage.records import Records, Role
from tests.support.objects import INSTANCE, SERIES, STUDY, ct, store
from tests.support.web import HTML

FRAME = f"/study/{STUDY}/instances/{INSTANCE}/frames/1"


@pytest.fixture
def one(archive: Archive) -> None:
    store(archive, ct(RescaleSlope=2, RescaleIntercept=-100, WindowCenter=10, WindowWidth=50))


def grey(values: np.ndarray, center: float, width: float) -> np.ndarray:
    """LINEAR of PS3.3 C.11.2.1.2.1, written out again."""
    y = ((values - (center - 0.5)) / (width - 1) + 0.5) * 255
    return np.floor(np.clip(y, 0, 255) + 0.5)


@pytest.mark.usefixtures("one")
def test_the_light_view_shows_the_study_and_the_audit_knows(client: FlaskClient, data: object) -> None:
    page = client.get(f"/study/{STUDY}/light", headers=HTML).text
    assert 'id="viewport"' in page
    assert "Nguyễn Văn Đức" in page
    assert "Không dùng cho chẩn đoán chính" in page
    with Records.open(data) as records:  # type: ignore[arg-type]
        entry = records.audit.entries(1)[0]
    assert (entry.event, entry.who, entry.study_instance_uid) == ("open study", "radiologist", STUDY)
    assert entry.address == "127.0.0.1"


@pytest.mark.usefixtures("one")
@pytest.mark.parametrize(
    "address",
    [
        "/study/1.2.3",
        "/study/..%2f..%2fetc",
        "/study/1.2.3/series",
        "/study/%00",
        f"/study/{STUDY}/series/1.2/frames",
        f"/study/{STUDY}/series/1.2/thumbnail",
        f"/study/{STUDY}/instances/1.2/frames/1/image",
        f"/study/1.2.3/instances/{INSTANCE}/frames/1/image",
        f"/study/1.2.3/instances/{INSTANCE}/file",
        f"/study/1.2.3/instances/{INSTANCE}/document",
        f"/study/{STUDY}/instances/{INSTANCE}/frames/2/image",
        f"/study/{STUDY}/instances/{INSTANCE}/frames/0/image",
        f"/study/{STUDY}/instances/{INSTANCE}/frames/x/image",
    ],
)
def test_what_is_not_there_is_not_found(client: FlaskClient, address: str) -> None:
    assert client.get(address).status_code == 404
    assert client.get(address, headers=HTML).status_code == 404


@pytest.mark.usefixtures("one")
def test_the_facts_of_a_series(client: FlaskClient) -> None:
    (series,) = client.get(f"/study/{STUDY}/series").json["series"]
    assert (series["uid"], series["modality"], series["frames"], series["documents"]) == (SERIES, "CT", 1, 0)
    told = client.get(f"/study/{STUDY}/series/{SERIES}/frames").json
    assert told["total"] == 1
    (frame,) = told["frames"]
    assert (frame["instance"], frame["frame"]) == (INSTANCE, 1)
    assert frame["facts"]["windows"][0]["center"] == 10
    assert frame["facts"]["rescale"] == {"slope": 2, "intercept": -100, "unit": "HU"}


def test_frames_come_in_pages_of_the_stack(client: FlaskClient, archive: Archive) -> None:
    for number in range(1, 41):
        store(archive, ct(SOPInstanceUID=f"{SERIES}.{number}", InstanceNumber=41 - number))
    address = f"/study/{STUDY}/series/{SERIES}/frames"
    told = client.get(f"{address}?offset=30&limit=500").json
    assert (told["total"], told["offset"], len(told["frames"])) == (40, 30, 10)
    assert [f["facts"]["instance_number"] for f in told["frames"]] == list(range(31, 41))
    assert len(client.get(f"{address}?limit=500").json["frames"]) == 40
    assert len(client.get(f"{address}?offset=-5&limit=-1").json["frames"]) == 1
    assert client.get(f"{address}?offset=40").json["frames"] == []


@pytest.mark.usefixtures("one")
def test_a_png_is_exactly_what_the_formula_says(client: FlaskClient) -> None:
    answer = client.get(f"{FRAME}/image?center=-60&width=80&format=png")
    assert answer.mimetype == "image/png"
    assert answer.headers["X-Window"] == "-60,80,LINEAR"
    pixels = np.asarray(Image.open(io.BytesIO(answer.data)))
    values = np.arange(64).reshape(8, 8) * 2.0 - 100
    np.testing.assert_array_equal(pixels, grey(values, -60, 80))
    inverted = client.get(f"{FRAME}/image?center=-60&width=80&format=png&invert=1").data
    assert np.abs(np.asarray(Image.open(io.BytesIO(inverted))).astype(int) + pixels.astype(int) - 255).max() <= 1


@pytest.mark.usefixtures("one")
def test_without_a_window_the_objects_own_is_used(client: FlaskClient) -> None:
    answer = client.get(f"{FRAME}/image")
    assert answer.mimetype == "image/jpeg"
    assert answer.headers["X-Window"] == "10,50,LINEAR"


@pytest.mark.usefixtures("one")
def test_a_known_image_is_not_sent_again(client: FlaskClient) -> None:
    first = client.get(f"{FRAME}/image?center=1&width=100")
    etag = first.headers["ETag"]
    assert first.headers["Cache-Control"].startswith("private")
    again = client.get(f"{FRAME}/image?center=1&width=100", headers={"If-None-Match": etag})
    assert (again.status_code, again.data) == (304, b"")
    assert client.get(f"{FRAME}/image?center=2&width=100", headers={"If-None-Match": etag}).status_code == 200


@pytest.mark.usefixtures("one")
@pytest.mark.parametrize(
    "query",
    ["center=1", "width=5", "center=x&width=5", "center=1&width=0", "center=nan&width=5", "center=1&width=inf",
     "center=1&width=5&function=COSINE", "side=0", "quality=0", "quality=101"],
)  # fmt: skip
def test_a_senseless_view_is_refused_with_words(client: FlaskClient, query: str) -> None:
    answer = client.get(f"{FRAME}/image?{query}")
    assert answer.status_code == 400
    assert answer.json["detail"]


@pytest.mark.usefixtures("one")
def test_the_value_under_the_pointer(client: FlaskClient) -> None:
    told = client.get(f"{FRAME}/value?row=1&column=2").json
    assert (told["stored"], told["value"], told["unit"]) == (10, -80.0, "HU")
    assert client.get(f"{FRAME}/value?row=1").status_code == 400
    assert client.get(f"{FRAME}/value?row=8&column=0").status_code == 422


def test_the_thumbnail_is_the_middle_image(client: FlaskClient, archive: Archive) -> None:
    for number in range(1, 4):
        level = np.full(64, 4000 if number == 2 else 0, dtype="<i2").tobytes()
        store(
            archive,
            ct(SOPInstanceUID=f"{SERIES}.{number}", InstanceNumber=number, PixelData=level, WindowCenter=2000,
               WindowWidth=100),
        )  # fmt: skip
    (series,) = client.get(f"/study/{STUDY}/series").json["series"]
    answer = client.get(series["thumbnail"])
    assert answer.mimetype == "image/jpeg"
    assert np.asarray(Image.open(io.BytesIO(answer.data))).min() > 250
    assert client.get(series["thumbnail"], headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_an_image_that_cannot_be_shown_says_why(client: FlaskClient, archive: Archive) -> None:
    store(archive, ct(PhotometricInterpretation="NONSENSE"))
    answer = client.get(f"{FRAME}/image")
    assert answer.status_code == 422
    assert "NONSENSE" in answer.json["detail"]
    assert "không thể hiển thị" in answer.json["error"]
    assert client.get(f"/study/{STUDY}/series/{SERIES}/thumbnail").mimetype == "image/svg+xml"


@pytest.mark.usefixtures("one")
def test_the_file_is_the_one_stored(
    client: FlaskClient, archive: Archive, sign_in: Callable[[Role], FlaskClient], data: object
) -> None:
    with client.get(f"/study/{STUDY}/instances/{INSTANCE}/file") as answer:
        assert answer.data == archive.instance(INSTANCE).path.read_bytes()
        assert answer.mimetype == "application/dicom"
        assert answer.headers["Content-Disposition"].startswith("attachment")
    assert sign_in(Role.CLINICIAN).get(f"/study/{STUDY}/instances/{INSTANCE}/file").status_code == 403
    with Records.open(data) as records:  # type: ignore[arg-type]
        events = [(e.event, e.who, e.detail) for e in records.audit.entries(10)]
    assert ("download object", "radiologist", INSTANCE) in events
    assert len([e for e in events if e[0] == "download object"]) == 1
