"""Bodies that break off on the way: what came of them is not taken for a whole, wherever the cut falls."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydicom.dataset import Dataset
from werkzeug.exceptions import ClientDisconnected

from storage.archive import Archive
from storage.records import Records, Role
from storage.settings import ArchiveSettings
from tests.support.objects import INSTANCE, ct
from tests.support.stow import bearer, part10
from tests.support.web import Server, running
from viewer.request_chunks import Chunks

REPORT = "1.2.840.10008.5.1.4.1.1.88.11"
OF_IMAGES = (
    "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation",
)  # fmt: skip
CONTENT = b"\x40\x00\x30\xa7"
"""How the Content Sequence begins."""


def _report() -> bytes:
    """A report, which lacks nothing that anybody could miss when it ends before its content."""
    ds = ct(SOPClassUID=REPORT, Modality="SR", PixelData=None, **dict.fromkeys(OF_IMAGES))
    item = Dataset()
    item.ValueType, item.TextValue = "TEXT", "no finding"
    ds.ContentSequence = [item]
    return part10(ds)


@pytest.fixture
def token(tmp_path: Path) -> str:
    with Records.open(tmp_path) as records:
        return records.tokens.add("scanner", Role.ADMIN)


@pytest.fixture
def server(tmp_path: Path, token: str) -> Iterator[Server]:
    with running(tmp_path, "--minimum-free-bytes", "0") as started:
        yield started


@pytest.mark.parametrize("is_chunked", [True, False], ids=["chunked", "of a length"])
def test_half_a_report_is_not_stored_and_does_not_stand_in_the_way_of_the_whole(
    server: Server, tmp_path: Path, token: str, is_chunked: bool
) -> None:
    whole = _report()
    half = whole[: whole.rindex(CONTENT)]
    fields = {"Host": "a", "Content-Type": "application/dicom", **bearer(token)}
    fields |= {"Transfer-Encoding": "chunked"} if is_chunked else {"Content-Length": str(len(whole))}
    head = "POST /dicom-web/studies HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    body = b"%x\r\n%b\r\n" % (len(half), half) if is_chunked else half
    with socket.create_connection((server.host, server.port), timeout=20) as connection:
        connection.sendall(head.encode() + b"\r\n" + body)
        # No more will come, and the answer can still be heard.
        connection.shutdown(socket.SHUT_WR)
        assert b" 200 " not in connection.recv(1 << 16).partition(b"\r\n")[0]
    again = server.connect()
    again.request("POST", "/dicom-web/studies", whole, {"Content-Type": "application/dicom", **bearer(token)})
    answer = again.getresponse()
    said = answer.read()
    assert answer.status == 200, said
    again.close()
    with Archive.open(ArchiveSettings(tmp_path, minimum_free_bytes=0)) as archive:
        assert CONTENT in archive.instance(INSTANCE).path.read_bytes()


async def _pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def _scope(version: str, **headers: str) -> Any:
    return SimpleNamespace(http_version=version, headers={name.replace("_", "-"): v for name, v in headers.items()})


def _read(scope: Any, *pieces: bytes) -> bytes:
    async def read() -> bytes:
        return b"".join([piece async for piece in Chunks(scope, _pieces(*pieces))])

    return asyncio.run(read())


@pytest.mark.parametrize(
    ("scope", "pieces"),
    [
        (_scope("1.1", content_length="4"), (b"ab", b"cd", b"")),
        (_scope("2", content_length="4"), (b"ab", b"cd", b"", b"")),
        (_scope("1.1", transfer_encoding="chunked"), (b"abcd", b"")),
        (_scope("2"), (b"abcd", b"", b"")),
    ],
)
def test_what_came_to_its_end_is_whole(scope: Any, pieces: tuple[bytes, ...]) -> None:
    assert _read(scope, *pieces) == b"abcd"


@pytest.mark.parametrize(
    ("scope", "pieces"),
    [
        (_scope("1.1", content_length="4"), (b"abc", b"", b"")),
        (_scope("2", content_length="4"), (b"abc", b"")),
        (_scope("1.1", transfer_encoding="chunked"), (b"abc", b"", b"")),
        (_scope("1.1", transfer_encoding="chunked"), (b"", b"")),
    ],
)
def test_what_broke_off_is_not(scope: Any, pieces: tuple[bytes, ...]) -> None:
    with pytest.raises(ClientDisconnected):
        _read(scope, *pieces)
