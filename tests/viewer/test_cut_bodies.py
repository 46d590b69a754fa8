"""Bodies that break off on the way: what came of them is not taken for a whole, wherever the cut falls."""

from __future__ import annotations

import asyncio
import socket
import zlib
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydicom.dataset import Dataset
from werkzeug.exceptions import ClientDisconnected

from storage.archive import Archive
from storage.records import Records, Role
from storage.settings import ArchiveSettings
from tests.support import http2
from tests.support.objects import INSTANCE, ct
from tests.support.rsgi import Client
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


@pytest.fixture
def instance(request: pytest.FixtureRequest) -> str:
    """The UID of the report of one test: they share a server."""
    return f"{INSTANCE}.{zlib.crc32(request.node.name.encode())}"


def _report(instance: str) -> bytes:
    """A report, which lacks nothing that anybody could miss when it ends before its content."""
    ds = ct(SOPInstanceUID=instance, SOPClassUID=REPORT, Modality="SR", PixelData=None, **dict.fromkeys(OF_IMAGES))
    item = Dataset()
    item.ValueType, item.TextValue = "TEXT", "no finding"
    ds.ContentSequence = [item]
    return part10(ds)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def token(folder: Path) -> str:
    with Records.open(folder) as records:
        return records.tokens.add("scanner", Role.ADMIN)


@pytest.fixture(scope="module")
def server(folder: Path, token: str) -> Iterator[Server]:
    with running(folder, "--minimum-free-bytes", "0") as started:
        yield started


def _is_whole(folder: Path, instance: str) -> bool:
    with Archive.open(ArchiveSettings(folder, minimum_free_bytes=0)) as archive:
        return CONTENT in archive.instance(instance).path.read_bytes()


def _store_whole(server: Server, token: str, whole: bytes) -> None:
    again = server.connect()
    again.request("POST", "/dicom-web/studies", whole, {"Content-Type": "application/dicom", **bearer(token)})
    answer = again.getresponse()
    said = answer.read()
    assert answer.status == 200, said
    again.close()


@pytest.mark.parametrize("is_chunked", [True, False], ids=["chunked", "of a length"])
def test_half_a_report_is_not_stored_and_does_not_stand_in_the_way_of_the_whole(
    server: Server, folder: Path, instance: str, token: str, is_chunked: bool
) -> None:
    whole = _report(instance)
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
    _store_whole(server, token, whole)
    assert _is_whole(folder, instance)


def _scope(version: str, **headers: str) -> Any:
    return SimpleNamespace(http_version=version, headers={name.replace("_", "-"): v for name, v in headers.items()})


def _read(scope: Any, *pieces: bytes, client: type[Client] = Client) -> bytes:
    async def read() -> bytes:
        with closing(Chunks(scope, cast(Any, client(pieces)))) as chunks:
            return b"".join([piece async for piece in chunks])

    return asyncio.run(read())


class _Gone(Client):
    """Leaves, and the pieces never end: this is what Granian tells of an HTTP/2 stream that broke off."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk
        self.left.set()
        await asyncio.Event().wait()


class _Left(Client):
    """Leaves as the pieces end: a reset that claims no error."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk
        asyncio.get_running_loop().call_soon(self.left.set)


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


@pytest.mark.parametrize("client", [_Gone, _Left])
@pytest.mark.parametrize("pieces", [(b"abc", b""), (b"",), ()])
def test_a_stream_that_the_client_left_is_not(client: type[Client], pieces: tuple[bytes, ...]) -> None:
    with pytest.raises(ClientDisconnected):
        _read(_scope("2"), *pieces, client=client)


def _begun(server: Server, token: str, begin: bytes, **more: str) -> socket.socket:
    """A store request over HTTP/2 whose body has begun, of a length that nobody says."""
    fields = {":method": "POST", ":scheme": "http", ":path": "/dicom-web/studies", ":authority": "a",
              "content-type": "application/dicom", "authorization": f"Bearer {token}", **more}  # fmt: skip
    connection = socket.create_connection((server.host, server.port), timeout=20)
    head = http2.frame(http2.HEADERS, http2.fields(fields), http2.END_HEADERS)
    connection.sendall(http2.PREFACE + head + http2.frame(http2.DATA, begin))
    return connection


CUTS = {
    "reset": http2.reset(http2.CANCEL),
    "reset without an error": http2.reset(http2.NO_ERROR),
    "reset after an empty piece": http2.frame(http2.DATA) + http2.reset(http2.CANCEL),
    "gone": b"",
}


@pytest.mark.parametrize("ends_empty", [True, False])
def test_a_whole_stream_is_stored_after_many_that_were_cut(
    server: Server, folder: Path, instance: str, token: str, ends_empty: bool
) -> None:
    whole = _report(instance)
    half = whole[: whole.rindex(CONTENT)]
    # More than there are threads for bodies.
    for cut in list(CUTS.values()) * 2:
        with _begun(server, token, half) as connection:
            connection.sendall(cut)
    last = http2.frame(http2.DATA, flags=http2.END_STREAM)
    rest = whole[len(half) :]
    tail = http2.frame(http2.DATA, rest) + last if ends_empty else http2.frame(http2.DATA, rest, http2.END_STREAM)
    with _begun(server, token, half) as connection:
        connection.sendall(tail)
        assert http2.answer(connection).startswith(http2.OK)
    assert _is_whole(folder, instance)


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_each_way_to_cut_a_stream(server: Server, folder: Path, instance: str, token: str, cut: bytes) -> None:
    whole = _report(instance)
    with _begun(server, token, whole[: whole.rindex(CONTENT)]) as connection:
        connection.sendall(cut)
    _store_whole(server, token, whole)
    assert _is_whole(folder, instance)
