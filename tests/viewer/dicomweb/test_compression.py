"""Compressed bodies: whole, and in pieces."""

from __future__ import annotations

import zlib
from pathlib import Path

import brotli
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.wrappers import Response

from viewer.dicomweb import compression
from viewer.dicomweb.compression import BROTLI, GZIP, Coding, compress_if_worth, compressed
from viewer.streaming import FileSpan

CODINGS = pytest.mark.parametrize("coding", [GZIP, BROTLI], ids=lambda coding: coding.name)


def _decoded(coding: Coding, data: bytes) -> bytes:
    return zlib.decompress(data, zlib.MAX_WBITS | 16) if coding is GZIP else bytes(brotli.decompress(data))


def _begun(coding: Coding, data: bytes) -> bytes:
    """What can be read of a body that is still on its way."""
    if coding is GZIP:
        return zlib.decompressobj(zlib.MAX_WBITS | 16).decompress(data)
    return bytes(brotli.Decompressor().process(data))


@CODINGS
@given(pieces=st.lists(st.binary(max_size=300), max_size=6))
def test_it_reads_back(coding: Coding, pieces: list[bytes]) -> None:
    whole = b"".join(compressed(pieces, coding))
    assert _decoded(coding, whole) == b"".join(pieces)


@CODINGS
def test_the_first_piece_can_be_read_at_once(coding: Coding) -> None:
    """Of a large series the browser reads the first instances while the others are prepared."""
    sent = compressed(iter([b"[", b"x" * 1000]), coding)
    assert _begun(coding, next(sent)) == b"["


@CODINGS
def test_files_are_read_piece_by_piece(coding: Coding, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compression, "_BLOCK", 100)
    (tmp_path / "file").write_bytes(bytes(range(256)) * 3)
    span = FileSpan(tmp_path / "file", 7, 555)
    assert _decoded(coding, b"".join(compressed((b"a", span, b"b"), coding))) == (
        b"a" + (bytes(range(256)) * 3)[7:562] + b"b"
    )
    with pytest.raises(EOFError, match="ends 100 bytes early"):
        list(compressed((FileSpan(tmp_path / "file", 700, 168),), coding))


def test_only_what_is_worth_it_is_compressed(app: Flask) -> None:
    worth = compression.WORTH_BYTES
    for size, asked, coding in (
        (worth, "gzip", "gzip"), (worth - 1, "gzip", None), (worth, "br, gzip", "br"), (worth, "", None),
        (worth, "gzip;q=0, br;q=0", None),
    ):  # fmt: skip
        with app.test_request_context(headers={"Accept-Encoding": asked} if asked else {}):
            response = compress_if_worth(Response(b"x" * size))
        assert response.headers.get("Content-Encoding") == coding
        assert "Accept-Encoding" in response.headers["Vary"]
        assert (len(response.get_data()) < size) == (coding is not None)
        assert int(response.headers["Content-Length"]) == len(response.get_data())
