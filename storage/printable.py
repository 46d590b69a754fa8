"""Words of others, as they may stand in a line of ours."""

from __future__ import annotations


def printable(text: str, *, most: int | None = None, instead: str = "?") -> str:
    """Return `text` in one line, with `instead` for each character that cannot be shown, cut after `most` of them.

    Line breaks, control characters, marks of direction and halves of surrogate pairs are such characters.
    """
    return "".join(c if c.isprintable() else instead for c in text[:most])


def printable_ascii(text: str, *, most: int | None = None) -> str:
    """Return `text` in one line of ASCII, where no other repertoire is declared: spaces for what cannot be shown.

    Letters beyond ASCII become "?", and a backslash, which ends a value in DICOM and quotes in HTTP, a slash.
    """
    return printable(text.replace("\\", "/"), instead=" ").encode("ascii", "replace").decode("ascii")[:most]
