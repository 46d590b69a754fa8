"""Video made of the frames of an object: the right pictures at the right pace, in a file that players can seek in."""

from __future__ import annotations

import io
from contextlib import closing

import av
import numpy as np
import pytest
from flask.testing import FlaskClient
from PIL import Image

from storage.archive import Archive
from storage.model import Instance
from storage.records import Role
from tests.support.objects import STUDY, ct, store
from tests.support.parts import address_of
from tests.support.web import Server
from viewer.dicomweb.wado import rendered, video

FRAMES, ROWS, COLUMNS = 12, 48, 64
WHOLE = {"WindowCenter": "128", "WindowWidth": "256", "VOILUTFunction": "LINEAR_EXACT"}
VIDEO = {"Accept": "video/mp4"}


def _frame(number: int, rows: int = ROWS, columns: int = COLUMNS) -> np.ndarray:
    """Broad bars that get brighter with the number, which survive compression."""
    across = np.arange(columns) // 16 * 30 + number * 8
    return np.broadcast_to(across, (rows, columns)).astype("<i2")


def _cine(archive: Archive, uid: str = "1.2.4", rows: int = ROWS, columns: int = COLUMNS, **more: object) -> Instance:
    ds = ct(SOPInstanceUID=uid, NumberOfFrames=FRAMES, Rows=rows, Columns=columns, **{**WHOLE, **more})
    ds.PixelData = b"".join(_frame(i, rows, columns).tobytes() for i in range(FRAMES))
    store(archive, ds)
    return archive.instance(uid)


@pytest.fixture
def cine(archive: Archive) -> Instance:
    """Twelve frames of 40 ms each."""
    return _cine(archive, FrameTime="40")


def _decoded(data: bytes) -> tuple[list[np.ndarray], float, str]:
    """The frames as grey values, frames per second, and the codec."""
    with av.open(io.BytesIO(data)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="gray").astype(int) for frame in container.decode(stream)]
        assert stream.average_rate is not None
        return frames, float(stream.average_rate), stream.codec_context.name


def test_the_frames_are_in_it_at_their_pace(client: FlaskClient, cine: Instance) -> None:
    answer = client.get(f"{address_of(cine)}/rendered", headers=VIDEO)
    assert (answer.status_code, answer.mimetype) == (200, "video/mp4")
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    frames, rate, codec = _decoded(answer.data)
    assert (len(frames), rate, codec) == (FRAMES, 25.0, "h264")
    for number in range(FRAMES):
        still = client.get(f"{address_of(cine)}/frames/{number + 1}/rendered", headers={"Accept": "image/png"})
        shown = Image.open(io.BytesIO(still.data))
        assert np.abs(frames[number] - np.asarray(shown, int)).mean() < 3
    # The index stands before the pictures.
    assert answer.data.find(b"moov") < answer.data.find(b"mdat")


@pytest.mark.parametrize(
    ("attributes", "rate"),
    [({}, 10.0), ({"CineRate": 15}, 15.0), ({"RecommendedDisplayFrameRate": 30, "FrameTime": "40"}, 30.0),
     ({"FrameTimeVector": ["0", *["50"] * (FRAMES - 1)]}, 20.0), ({"FrameTime": "33.333"}, 30.0),
     ({"CineRate": 5000}, 120.0), ({"FrameTime": "60000"}, 0.5)],
)  # fmt: skip
def test_the_object_says_how_fast(
    client: FlaskClient, archive: Archive, attributes: dict[str, object], rate: float
) -> None:
    shown = client.get(f"{address_of(_cine(archive, **attributes))}/rendered", headers=VIDEO)
    assert _decoded(shown.data)[1] == pytest.approx(rate, rel=0.01)


def test_parameters_of_pictures_count(client: FlaskClient, cine: Instance) -> None:
    address = f"{address_of(cine)}/rendered"
    small, _, _ = _decoded(client.get(f"{address}?viewport=32,24", headers=VIDEO).data)
    assert small[0].shape == (24, 32)
    dark, _, _ = _decoded(client.get(f"{address}?window=3000,10,linear", headers=VIDEO).data)
    assert dark[0].max() < 8
    assert client.get(f"{address}?quality=101", headers=VIDEO).status_code == 400
    noisy = {q: len(client.get(f"{address}?quality={q}", headers=VIDEO).data) for q in (1, 100)}
    assert noisy[1] < noisy[100]


def test_odd_sides_are_filled_up(client: FlaskClient, archive: Archive) -> None:
    odd = _cine(archive, rows=47, columns=63)
    frames, _, _ = _decoded(client.get(f"{address_of(odd)}/rendered", headers=VIDEO).data)
    assert frames[0].shape == (48, 64)
    for number, frame in enumerate(frames):
        # What was filled in looks like its neighbours, so that no dark edge runs along the picture.
        assert np.abs(frame[47] - frame[46]).mean() < 4, number
        assert np.abs(frame[:, 63] - frame[:, 62]).mean() < 4, number


def test_without_the_encoder_there_is_no_video(monkeypatch: pytest.MonkeyPatch) -> None:
    for found, possible in ((None, False), (object(), True)):
        monkeypatch.setattr(video, "find_spec", lambda name, found=found: found if name == "av" else pytest.fail(name))
        video.is_possible.cache_clear()
        assert video.is_possible() is possible
    monkeypatch.undo()
    video.is_possible.cache_clear()


def test_a_list_of_frames(client: FlaskClient, cine: Instance) -> None:
    frames, _, _ = _decoded(client.get(f"{address_of(cine)}/frames/9,2,5/rendered", headers=VIDEO).data)
    assert len(frames) == 3
    brightness = [frame.mean() for frame in frames]
    assert brightness[0] > brightness[2] > brightness[1]


def test_it_is_made_once_and_can_be_sought_in(
    client: FlaskClient, cine: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"{address_of(cine)}/rendered"
    first = client.get(address, headers=VIDEO)
    monkeypatch.setattr(video, "write", lambda *_: pytest.fail("made a second time"))
    assert client.get(address, headers=VIDEO).data == first.data
    part = client.get(address, headers={**VIDEO, "Range": "bytes=100-199"})
    assert (part.status_code, part.data) == (206, first.data[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(first.data)}"
    assert client.get(address, headers={**VIDEO, "If-None-Match": first.headers["ETag"]}).status_code == 304
    # Pictures are what they were before.
    assert client.get(address).mimetype == "image/jpeg"
    assert client.get(address).headers["ETag"] != first.headers["ETag"]


def test_what_no_video_is_made_of_is_406_in_words(
    client: FlaskClient, archive: Archive, cine: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(archive, ct(SOPInstanceUID="1.2.5"))

    def refusal(path: str) -> str:
        answer = client.get(path, headers=VIDEO)
        assert answer.status_code == 406
        return str(answer.json["detail"])  # type: ignore[index]

    assert "several frames" in refusal(f"{address_of(archive.instance('1.2.5'))}/rendered")
    assert "several frames" in refusal(f"/dicom-web/studies/{STUDY}/rendered")
    with monkeypatch.context() as patch:
        patch.setattr(video, "PIXELS_MAX", FRAMES * ROWS * COLUMNS - 1)
        assert "too long" in refusal(f"{address_of(cine)}/rendered")
        # What counts is the size that it is to have.
        assert client.get(f"{address_of(cine)}/rendered?viewport=32,24", headers=VIDEO).status_code == 200
        assert "too long" in refusal(f"{address_of(cine)}/rendered?viewport=500,500")
    monkeypatch.setattr(rendered.video, "is_possible", lambda: False)
    assert "filmless[video]" in refusal(f"{address_of(cine)}/rendered")
    instead = client.get(f"{address_of(cine)}/rendered", headers={"Accept": "video/mp4, image/png;q=0.1"})
    assert (instead.status_code, instead.mimetype) == (200, "image/png")


def test_over_a_real_connection(cine: Instance, server: Server) -> None:
    """A picture of the object was drawn before, so the way past Flask could answer; it must not take video for JPEG."""
    cookie = {"Cookie": server.cookie(Role.CLINICIAN)}

    def ask(accept: str, **headers: str) -> tuple[int, str | None, bytes]:
        with closing(server.connect()) as connection:
            connection.request("GET", f"{address_of(cine)}/rendered", headers={**cookie, "Accept": accept, **headers})
            answer = connection.getresponse()
            return answer.status, answer.headers["Content-Type"], answer.read()

    for _ in range(2):
        assert ask("image/jpeg")[:2] == (200, "image/jpeg")
    status, kind, whole = ask("video/mp4, image/jpeg;q=0.5")
    assert (status, kind) == (200, "video/mp4")
    assert len(_decoded(whole)[0]) == FRAMES
    assert ask("video/mp4", Range="bytes=0-1") == (206, "video/mp4", whole[:2])
