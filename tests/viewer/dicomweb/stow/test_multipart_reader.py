"""Multipart bodies as they stream in, cut anywhere."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewer.dicomweb.multipart_reader import HEADERS_MAX, PREAMBLE_MAX, MultipartError, MultipartReader, TooManyParts

BOUNDARY = "xyz"


def _reader(data: bytes, step: int = 1 << 16, parts_max: int = 100) -> MultipartReader:
    stream = io.BytesIO(data)
    read: Callable[[int], bytes] = lambda size: stream.read(min(size, step))  # noqa: E731
    return MultipartReader(read, BOUNDARY, parts_max)


def _read(data: bytes, step: int = 1 << 16, parts_max: int = 100) -> list[tuple[dict[str, str], bytes]]:
    return [
        (part.headers, b"".join(bytes(piece) for piece in part.content))
        for part in _reader(data, step, parts_max).parts()
    ]


def _body(parts: list[bytes], preamble: bytes = b"", epilogue: bytes = b"") -> bytes:
    heads = (b"\r\n--xyz\r\nContent-Type: text/plain\r\n\r\n" + part for part in parts)
    return preamble + b"".join(heads) + b"\r\n--xyz--" + epilogue


@given(st.lists(st.binary(max_size=60) | st.sampled_from([b"\r\n--xy", b"\r\n", b"--xyz", b"\r\n-\r\n--"]), max_size=5),
       st.integers(1, 40))  # fmt: skip
def test_what_was_written_is_read_however_it_is_cut(parts: list[bytes], step: int) -> None:
    whole = _body([part for part in parts if b"\r\n--xyz" not in b"\r\n" + part])
    kept = [part for part in parts if b"\r\n--xyz" not in b"\r\n" + part]
    assert [content for _, content in _read(whole, step)] == kept


@given(st.binary(max_size=300), st.integers(1, 30))
def test_any_bytes_are_parts_or_an_error(data: bytes, step: int) -> None:
    with contextlib.suppress(MultipartError):
        _read(data, step)


@given(st.integers(0, 80))
def test_a_body_that_was_cut_is_an_error(length: int) -> None:
    whole = _body([b"first", b"second"])
    with pytest.raises(MultipartError):
        _read(whole[: min(length, len(whole) - 2)], 7)


def test_preamble_padding_and_epilogue_are_passed_over() -> None:
    data = b"for old mail readers\r\n--xyz  \t\r\nA: 1\r\nContent-TYPE:  b/c \r\n\r\nx\r\n--xyz--\r\nthe end"
    assert _read(data, 3) == [({"a": "1", "content-type": "b/c"}, b"x")]


def test_a_part_without_header_fields_is_read() -> None:
    assert _read(b"--xyz\r\n\r\nx\r\n--xyz--") == [({}, b"x")]


def test_an_unread_part_is_stepped_over() -> None:
    assert [part.headers for part in _reader(_body([b"a" * 1000, b"b"]), 10).parts()] == [
        {"content-type": "text/plain"}
    ] * 2


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "ends before"),
        (b"--abc\r\n\r\nx\r\n--abc--" + bytes(PREAMBLE_MAX), "does not occur"),
        (b"--xyz1\r\n\r\n", "followed by"),
        (b"--xyz\r\n" + b"a: b\r\n" * HEADERS_MAX, "header fields of more"),
        (b"--xyz\r\nno colon\r\n\r\nx\r\n--xyz--", "no colon"),
        (b"--xyz" + b" " * (HEADERS_MAX + 9), "followed by"),
    ],
)
def test_malformed_bodies_are_told(data: bytes, words: str) -> None:
    with pytest.raises(MultipartError, match=words):
        _read(data)


@pytest.mark.parametrize("boundary", ["", "x" * 257, "ä", "a\nb"])
def test_a_boundary_that_is_none_is_refused(boundary: str) -> None:
    with pytest.raises(MultipartError, match="boundary"):
        MultipartReader(lambda size: b"", boundary, 1)


def test_too_many_parts_are_refused_before_they_are_read() -> None:
    with pytest.raises(TooManyParts, match="more than 3 parts"):
        _read(_body([b""] * 4), parts_max=3)
    assert len(_read(_body([b""] * 3), parts_max=3)) == 3


def test_no_more_than_a_chunk_is_held() -> None:
    sizes = [len(piece) for part in _reader(_body([bytes(1 << 20)]), 1 << 12).parts() for piece in part.content]
    assert max(sizes) <= (1 << 12) + len(BOUNDARY) + 4
    assert sum(sizes) == 1 << 20
