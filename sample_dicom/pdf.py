"""The smallest honest PDF: one A4 page of Helvetica lines (ISO 32000-1 7.5)."""

from __future__ import annotations

from collections.abc import Sequence


def one_page(title: str, lines: Sequence[str]) -> bytes:
    """A PDF 1.4 file with ASCII text; `title` in bold on top."""
    commands = [f"BT /F2 16 Tf 60 780 Td ({_escape(title)}) Tj /F1 11 Tf 0 -14 Td"]
    commands += [f"0 -18 Td ({_escape(line)}) Tj" for line in lines]
    stream = "\n".join([*commands, "ET"]).encode("ascii")
    return _file(
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R /F2 6 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica-Bold >>",
    )


def _escape(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _file(*objects: bytes) -> bytes:
    """Objects numbered from 1, the cross-reference table and the trailer."""
    data, offsets = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(objects) + 1
    return (
        data
        + b"xref\n0 %d\n0000000000 65535 f \n%s" % (count, table)
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, len(data))
    )
