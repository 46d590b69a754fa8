"""`multipart` bodies, read as they stream in (RFC 2046 5.1.1, RFC 2387). Pure: it is given a function that reads.

Rules this rests on:
- A part ends at CRLF, two hyphens and the boundary; the CRLF belongs to the boundary, not to the part. The first
  boundary may stand at the very start of the body, and whatever is before it is a preamble that nobody reads.
- After a boundary come spaces or tabs and CRLF, or two hyphens: then it was the last one.
- A body that ends before its last boundary was cut, so the part that was open is not whole.

Never more than a chunk and a boundary are held, whatever the size of a part; headers are bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

CHUNK = 1 << 18
HEADERS_MAX = 1 << 14
"""Bytes of one part's header fields."""
PREAMBLE_MAX = 1 << 16
BOUNDARY_MAX = 256
"""RFC 2046 5.1.1 allows 70; Orthanc writes 73."""


class MultipartError(Exception):
    """The body is no multipart body; `str()` is one sentence for whoever sent it."""


class TooManyParts(MultipartError):
    """There are more parts than are taken in one request."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its header fields, names in lower case, and its content, to be read before the next part."""

    headers: dict[str, str]
    content: Iterator[memoryview]


class MultipartReader:
    """Reads the parts of one body through `read`, which returns up to so many bytes and nothing at the end."""

    def __init__(self, read: Callable[[int], bytes], boundary: str, parts_max: int) -> None:
        """Begin to read.

        Raises:
            MultipartError: the boundary is none.
        """
        if not 1 <= len(boundary) <= BOUNDARY_MAX or not boundary.isascii() or not boundary.isprintable():
            raise MultipartError(f"The boundary has to be 1 to {BOUNDARY_MAX} printable ASCII characters.")
        self._read = read
        self._delimiter = b"\r\n--" + boundary.encode("ascii")
        self._parts_max = parts_max
        self._buffer = b"\r\n"  # so that a boundary at the very start is like any other
        self._at = 0
        """How much of the buffer is done with."""

    def parts(self) -> Iterator[Part]:
        """Yield each part in turn; what is left unread of one is stepped over.

        Raises:
            MultipartError: the body is malformed or ends too soon.
        """
        self._skip_preamble()
        count = 0
        while not self._was_last():
            count += 1
            if count > self._parts_max:
                raise TooManyParts(f"The body has more than {self._parts_max} parts; send them in several requests.")
            content = self._content()
            yield Part(self._headers(), content)
            for _ in content:
                pass

    @property
    def _left(self) -> int:
        return len(self._buffer) - self._at

    def _more(self) -> bytes:
        more = self._read(CHUNK)
        if not more:
            raise MultipartError("The body ends before its last boundary: it was cut, or the boundary is another one.")
        return more

    def _fill(self) -> None:
        self._buffer, self._at = self._buffer[self._at :] + self._more(), 0

    def _skip_preamble(self) -> None:
        while (found := self._buffer.find(self._delimiter, self._at)) < 0:
            if self._left > PREAMBLE_MAX:
                raise MultipartError("The boundary that Content-Type names does not occur where the body begins.")
            self._fill()
        self._at = found + len(self._delimiter)

    def _was_last(self) -> bool:
        """Read what follows a boundary; True after the last one."""
        while self._left < 2:
            self._fill()
        if self._buffer.startswith(b"--", self._at):
            return True
        while (found := self._buffer.find(b"\r\n", self._at)) < 0:
            if self._left > HEADERS_MAX:
                break
            self._fill()
        if found < 0 or self._buffer[self._at : found].strip(b" \t"):
            raise MultipartError("A boundary is followed by neither a line break nor two hyphens.")
        self._at = found
        return False

    def _headers(self) -> dict[str, str]:
        # The line break after the boundary is still there, so no header fields at all look like an empty line, too.
        while (found := self._buffer.find(b"\r\n\r\n", self._at)) < 0:
            if self._left > HEADERS_MAX:
                raise MultipartError(f"A part has header fields of more than {HEADERS_MAX} bytes.")
            self._fill()
        if found - self._at > HEADERS_MAX:
            raise MultipartError(f"A part has header fields of more than {HEADERS_MAX} bytes.")
        lines = self._buffer[self._at : found].decode("latin-1").split("\r\n")
        self._at = found + 4
        return dict(_field(line) for line in lines if line.strip())

    def _content(self) -> Iterator[memoryview]:
        keep = len(self._delimiter) - 1
        while (found := self._buffer.find(self._delimiter, self._at)) < 0:
            if self._left > keep:
                end = len(self._buffer) - keep
                yield memoryview(self._buffer)[self._at : end]
                self._at = end
            tail, more = self._buffer[self._at :], self._more()
            if len(more) >= keep and self._delimiter not in tail + more[:keep]:
                # No boundary begins in what was held back, so that the long piece need not be copied behind it.
                if tail:
                    yield memoryview(tail)
                self._buffer, self._at = more, 0
            else:
                self._buffer, self._at = tail + more, 0
        if found > self._at:
            yield memoryview(self._buffer)[self._at : found]
        self._at = found + len(self._delimiter)


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise MultipartError("A header field of a part has no colon.")
    return name.strip().lower(), value.strip()
