"""JSON compressed for the way (RFC 9110 8.4.1): gzip, which every client of ours knows and Python brings."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from flask import request
from werkzeug.wrappers import Response

from viewer.streaming import FileSpan, Piece

LEVEL = 3
"""Metadata repeats itself so much that more effort saves little."""
WORTH_BYTES = 1024
_BLOCK = 1 << 20
_GZIP_WINDOW = zlib.MAX_WBITS | 16


def is_accepted() -> bool:
    """Tell whether the caller takes gzip (RFC 9110 12.5.3)."""
    return request.accept_encodings["gzip"] > 0


def gzipped(pieces: Iterable[Piece]) -> Iterator[bytes]:
    """Yield the compressed form of a body, with a first piece as soon as there is one."""
    compress = zlib.compressobj(LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    is_first = True
    for piece in pieces:
        for block in _blocks(piece):
            data = compress.compress(block)
            if is_first:
                data += compress.flush(zlib.Z_SYNC_FLUSH)
                is_first = False
            if data:
                yield data
    yield compress.flush()


def gzip_if_worth(response: Response) -> Response:
    """Compress the body of a whole response where the caller takes that and it saves anything."""
    response.vary.add("Accept-Encoding")
    body = response.get_data()
    if len(body) >= WORTH_BYTES and is_accepted():
        response.set_data(b"".join(gzipped((body,))))
        response.headers["Content-Encoding"] = "gzip"
    return response


def _blocks(piece: Piece) -> Iterator[bytes]:
    if isinstance(piece, FileSpan):
        with piece.path.open("rb") as file:
            file.seek(piece.offset)
            left = piece.length
            while left:
                block = file.read(min(_BLOCK, left))
                if not block:
                    raise EOFError(f"{piece.path.name} ends {left} bytes early")
                left -= len(block)
                yield block
    else:
        yield piece
