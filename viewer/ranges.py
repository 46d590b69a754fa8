"""A part of a body that is one run of bytes (RFC 9110 14): downloads that go on, video that seeks."""

from __future__ import annotations

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable

from viewer.streaming import FileSpan, StreamBody


def span_response(span: FileSpan, media_type: str, etag: str) -> Response:
    """Return the bytes of a span with an ETag, or the range of them that the request asks for.

    Several ranges at once are answered with all bytes, as RFC 9110 14.2 allows.

    Raises:
        RequestedRangeNotSatisfiable: the range begins past the end.
    """
    part = _asked(span.length, etag)
    first, end = part or (0, span.length)
    body = StreamBody([FileSpan(span.path, span.offset + first, end - first)], end - first)
    response = Response(body, 206 if part else 200, content_type=media_type, direct_passthrough=True)
    response.headers["Content-Length"] = str(end - first)
    response.headers["Accept-Ranges"] = "bytes"
    if part:
        response.headers["Content-Range"] = f"bytes {first}-{end - 1}/{span.length}"
    response.set_etag(etag)
    return response


def _asked(length: int, etag: str) -> tuple[int, int] | None:
    """Return (first, end) of the range that is asked for; None where all is to be sent."""
    asked = request.range
    condition = request.headers.get("If-Range")
    if asked is None or asked.units != "bytes" or len(asked.ranges) != 1:
        return None
    if condition is not None and condition != f'"{etag}"':
        return None
    found: tuple[int, int] | None = asked.range_for_length(length)
    if found is None:
        raise RequestedRangeNotSatisfiable(length=length)
    return found
