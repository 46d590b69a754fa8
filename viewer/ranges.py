"""A part of a body that is one run of bytes (RFC 9110 14): downloads that go on, video that seeks."""

from __future__ import annotations

from flask import Response, request

from viewer.dicomweb.errors import Refused
from viewer.streaming import FileSpan, Piece, StreamBody, length_of


def ranged(piece: Piece, media_type: str, etag: str) -> Response:
    """Return a piece with an ETag, or the range of its bytes that the request asks for.

    Several ranges at once are answered with all bytes, as RFC 9110 14.2 allows.

    Raises:
        Refused: 416, the range begins past the end.
    """
    length = length_of(piece)
    part = _asked(length, etag)
    first, end = part or (0, length)
    body = StreamBody([cut(piece, first, end)], end - first)
    response = Response(body, 206 if part else 200, content_type=media_type, direct_passthrough=True)
    response.headers["Content-Length"] = str(end - first)
    response.headers["Accept-Ranges"] = "bytes"
    if part:
        response.headers["Content-Range"] = f"bytes {first}-{end - 1}/{length}"
    response.set_etag(etag)
    return response


def cut(piece: Piece, first: int, end: int) -> Piece:
    """Return the bytes of a piece from `first` to before `end`."""
    if isinstance(piece, FileSpan):
        return FileSpan(piece.path, piece.offset + first, end - first)
    return piece[first:end]


def _asked(length: int, etag: str) -> tuple[int, int] | None:
    """Return (first, end) of the range that is asked for; None where all is to be sent."""
    asked = request.range
    condition = request.headers.get("If-Range")
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return None
    if request.method != "GET":
        return None  # RFC 9110 14.2 defines ranges for GET alone
    if condition is not None and condition != f'"{etag}"':
        return None
    first, end = asked.ranges[0]
    if first < 0:
        # The last bytes: of fewer than that, all (RFC 9110 14.1.2).
        first = max(0, first + length)
    if first >= length:
        raise Refused(416, f"There are {length} bytes.", headers={"Content-Range": f"bytes */{length}"})
    return first, length if end is None else min(end, length)
