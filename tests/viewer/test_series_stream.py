"""Frames of a series in one answer: what a client reads back is what is stored, in the order it asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from pydicom.encaps import encapsulate

from storage.archive import Archive
from storage.records import Role
from tests.support.objects import SERIES, STUDY, ct, store
from tests.support.web import Server
from viewer.frame_records import END, FRAME, HEAD, PROBLEM, listed
from viewer.series_stream import outward

ADDRESS = f"/study/{STUDY}/series/{SERIES}/stream"


def pixels(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(-1000, 3000, 64, "<i2")


@pytest.fixture
def series(archive: Archive) -> None:
    """Three slices, then an object of three frames."""
    for i in (1, 2, 3):
        store(archive, ct(SOPInstanceUID=f"1.2.{i}", InstanceNumber=i, PixelData=pixels(i).tobytes()))
    frames = b"".join(pixels(i).tobytes() for i in (4, 5, 6))
    store(archive, ct(SOPInstanceUID="1.2.4", InstanceNumber=4, NumberOfFrames=3, PixelData=frames))


def parse(data: bytes) -> Iterator[tuple[tuple[int, ...], bytes]]:
    at = 0
    while at < len(data):
        head = HEAD.unpack_from(data, at)
        at += HEAD.size
        assert at % 8 == 0
        yield head, data[at : at + head[6]]
        at += head[6] + -head[6] % 8
    assert at == len(data)


def frames_of(data: bytes) -> list[tuple[tuple[int, ...], bytes]]:
    found = list(parse(data))
    assert found[-1][0][5] == END
    return found[:-1]


@pytest.mark.usefixtures("series")
def test_raw_frames_in_the_order_asked_for(client: FlaskClient) -> None:
    answer = client.get(f"{ADDRESS}?frames=4,2-0,4")
    assert answer.mimetype == "application/octet-stream"
    found = frames_of(answer.data)
    assert [head[0] for head, _ in found] == [4, 2, 1, 0, 4]
    assert [head[1:6] for head, _ in found] == [(3, 2, 1, 0, FRAME), *[(i, 1, 1, 0, FRAME) for i in (2, 1, 0)],
                                                (3, 2, 1, 0, FRAME)]  # fmt: skip
    assert [payload for _, payload in found] == [pixels(i).tobytes() for i in (5, 3, 2, 1, 5)]


@pytest.mark.usefixtures("series")
def test_outward_from_a_slice(client: FlaskClient) -> None:
    found = frames_of(client.get(f"{ADDRESS}?start=4").data)
    assert [head[0] for head, _ in found] == [4, 5, 3, 2, 1, 0]
    assert [payload for _, payload in found] == [pixels(i + 1).tobytes() for i in (4, 5, 3, 2, 1, 0)]
    assert [head[0] for head, _ in frames_of(client.get(ADDRESS).data)] == [0, 1, 2, 3, 4, 5]


@pytest.mark.usefixtures("series")
@pytest.mark.parametrize("encoding", ["htj2k", "jpegls"])
def test_compressed_without_loss(client: FlaskClient, encoding: str) -> None:
    for _ in range(2):
        for head, payload in frames_of(client.get(f"{ADDRESS}?encoding={encoding}").data):
            assert head[3] == {"htj2k": 201, "jpegls": 80}[encoding]
            decode = {"htj2k": imagecodecs.jpeg2k_decode, "jpegls": imagecodecs.jpegls_decode}[encoding]
            assert np.array_equal(decode(payload).astype("<i2").ravel(), pixels(head[0] + 1))


def test_what_cannot_be_compressed_is_raw_and_what_is_broken_says_so(client: FlaskClient, archive: Archive) -> None:
    wide = ct(SOPInstanceUID="1.2.1", BitsAllocated=32, BitsStored=32, HighBit=31)
    wide.PixelData = np.arange(64, dtype="<i4").tobytes()
    store(archive, wide)
    broken = ct(SOPInstanceUID="1.2.2", InstanceNumber=2, PixelData=encapsulate([b"\xff\xd8\xff\xd9"]))
    broken["PixelData"].VR = "OB"
    broken["PixelData"].is_undefined_length = True
    store(archive, broken, transfer_syntax_uid="1.2.840.10008.1.2.4.80")
    (one, raw), (two, words) = frames_of(client.get(f"{ADDRESS}?encoding=htj2k").data)
    assert one[3:6] == (1, 0, FRAME)
    assert raw == np.arange(64, dtype="<i4").tobytes()
    assert two[5] == PROBLEM
    assert words


@pytest.mark.usefixtures("series")
@pytest.mark.parametrize(
    "query", ["frames=6", "frames=0-6", "frames=", "frames=-1", "frames=1-", "frames=a", "frames=1,,2", "start=6",
              "start=-1", "frames=99999999999", "encoding=gif", "frames=" + "0-5," * 200_000 + "0"]
)  # fmt: skip
def test_wrong_wishes_are_400(client: FlaskClient, query: str) -> None:
    answer = client.get(f"{ADDRESS}?{query}")
    assert answer.status_code == 400
    assert answer.json["detail"]  # type: ignore[index]


@pytest.mark.usefixtures("series")
def test_only_for_those_who_may(visitor: FlaskClient, client: FlaskClient) -> None:
    assert visitor.get(ADDRESS).status_code == 401
    assert client.get(ADDRESS.replace(SERIES, "1.2.9")).status_code == 404


@given(total=st.integers(1, 200), data=st.data())
def test_outward_gives_each_once_the_nearest_first(total: int, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, total - 1))
    found = list(outward(start, total))
    assert sorted(found) == list(range(total))
    distances = [abs(position - start) for position in found]
    assert distances == sorted(distances)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=5))
def test_lists_read_back(ranges: list[tuple[int, int]]) -> None:
    expected = [i for a, b in ranges for i in (range(a, b + 1) if a <= b else range(a, b - 1, -1))]
    assert listed(",".join(f"{a}-{b}" for a, b in ranges), 51) == expected


@pytest.mark.usefixtures("series")
def test_through_the_real_server(archive: Archive, data: Path, server: Server) -> None:
    del archive, data
    connection = server.connect()
    connection.request("GET", f"{ADDRESS}?start=0", headers={"Cookie": server.cookie(Role.CLINICIAN)})
    answer = connection.getresponse()
    assert answer.status == 200
    assert [payload for _, payload in frames_of(answer.read())] == [pixels(i).tobytes() for i in range(1, 7)]
    connection.close()
