"""Which transfer syntax an object goes out in (PS3.5 A)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from storage.errors import PixelError

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
RLE = "1.2.840.10008.1.2.5"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
JPEG_LS_LOSSLESS = "1.2.840.10008.1.2.4.80"
JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"
HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"
# Those that any compressed form of a lossy codec is written in (PS3.5 A.4.1).
LOSSY = frozenset({"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"})

UNCOMPRESSED = (EXPLICIT_LITTLE, IMPLICIT_LITTLE, DEFLATED, EXPLICIT_BIG)
"""In the order of preference: explicit VR keeps the VR of private elements."""
COMPRESSED = (JPEG_2000_LOSSLESS, JPEG_LS_LOSSLESS, JPEG_LOSSLESS, HTJ2K_LOSSLESS, RLE)
"""Lossless compressions that can be made, the most compact first."""

# A syntax whose rules each object of another one fulfils already, so that the bytes may go out as they are.
_WIDER = {
    JPEG_LOSSLESS: "1.2.840.10008.1.2.4.57",
    JPEG_LS_LOSSLESS: "1.2.840.10008.1.2.4.81",
    JPEG_2000_LOSSLESS: "1.2.840.10008.1.2.4.91",
    HTJ2K_LOSSLESS: "1.2.840.10008.1.2.4.203",
}


@dataclass(frozen=True, slots=True)
class Encoding:
    """How elements are written (PS3.5 7.1)."""

    is_implicit: bool
    is_little: bool


def encoding_of(transfer_syntax_uid: str) -> Encoding:
    """Return how a transfer syntax writes elements: all but two are explicit VR little endian."""
    return Encoding(transfer_syntax_uid == IMPLICIT_LITTLE, transfer_syntax_uid != EXPLICIT_BIG)


def is_encapsulated(transfer_syntax_uid: str) -> bool:
    """Tell whether pixel data is in fragments (PS3.5 A.4)."""
    return transfer_syntax_uid not in UNCOMPRESSED


def is_the_same(stored: str, chosen: str) -> bool:
    """Tell whether the bytes of an object stored in one syntax are right in the other as they are."""
    return chosen == stored or _WIDER.get(stored) == chosen


def choose(stored: str, offered: Sequence[str]) -> str:
    """Choose among the syntaxes a receiver takes: unchanged, else uncompressed, else a lossless compression.

    Raises:
        PixelError: none of them can be made from what is stored.
    """
    same = [uid for uid in (stored, _WIDER.get(stored)) if uid in offered]
    known = [uid for uid in (*UNCOMPRESSED, *COMPRESSED) if uid in offered]
    for uid in [*same, *known]:
        return str(uid)
    raise PixelError(f"the receiver takes none of the syntaxes that {stored} can be transcoded to")
