"""`multipart/related` bodies, written (RFC 2387, PS3.18 8.7.3.1)."""

from __future__ import annotations

from collections.abc import Iterable

from viewer.dicomweb.media_types import MediaType


def content_type(media_type: MediaType, boundary: str) -> str:
    """Return the Content-Type field of a body of parts of `media_type`'s `type`."""
    return f'multipart/related; type="{media_type.parameter("type")}"; boundary={boundary}'


def part_head(
    boundary: str,
    part_type: str,
    *,
    length: int | None = None,
    location: str | None = None,
    description: str | None = None,
) -> bytes:
    """Return what stands before a part's bytes: a line break first, as it is the boundary's (RFC 2046 5.1.1)."""
    lines = ["", f"--{boundary}", f"Content-Type: {part_type}"]
    if location is not None:
        lines.append(f"Content-Location: {location}")
    if length is not None:
        lines.append(f"Content-Length: {length}")
    if description is not None:
        lines.append(f"Content-Description: {description}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")


def end(boundary: str) -> bytes:
    """Return what stands after the last part."""
    return f"\r\n--{boundary}--\r\n".encode("ascii")


def joined(boundary: str, part_type: str, parts: Iterable[bytes]) -> bytes:
    """Return a whole body of parts of one type, for small ones."""
    pieces: list[bytes] = []
    for part in parts:
        pieces += (part_head(boundary, part_type), part)
    return b"".join((*pieces, end(boundary)))
