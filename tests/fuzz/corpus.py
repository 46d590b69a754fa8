"""What the fuzzer starts from: whole conversations and data sets of every kind, made in code."""

from __future__ import annotations

from functools import cache

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.support.objects import INSTANCE, ct, encode
from tests.support.wire import (
    ABORT,
    CT,
    DEFLATED,
    EXPLICIT,
    FIND,
    IMPLICIT,
    MR,
    NO_DATA_SET,
    P_DATA,
    RELEASE_RQ,
    VERIFICATION,
    associate_rq,
    command_set,
    echo_rq,
    item,
    pdu,
    pdv,
    role_item,
    store_rq,
)

BIG = "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4.50"
SYNTAXES = (EXPLICIT, IMPLICIT, DEFLATED, BIG, JPEG)


@cache
def data_sets() -> tuple[tuple[str, bytes], ...]:
    """Transfer syntax and data set, small and of every shape that the reader knows."""
    nested = _nested()
    plain = ((syntax, encode(ct(), syntax)) for syntax in (EXPLICIT, IMPLICIT, DEFLATED, BIG))
    return (
        *plain,
        (EXPLICIT, encode(nested)),
        (IMPLICIT, encode(nested, IMPLICIT)),
        (JPEG, _encapsulated()),
        (EXPLICIT, encode(_japanese())),
    )


def _japanese() -> Dataset:
    """A name with escape sequences between character sets."""
    return ct(
        SpecificCharacterSet=["", "ISO 2022 IR 87"],
        PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう",
        StudyDescription="CT",
        SeriesDescription="CT",
        ReferringPhysicianName="",
        PixelData=None,
    )


def _nested() -> Dataset:
    """Sequences of defined and undefined length, empty ones, and private elements."""
    ds = ct()
    inner = Dataset()
    inner.CodeValue, inner.CodingSchemeDesignator, inner.CodeMeaning = "T-D1100", "SRT", "Head"
    middle = Dataset()
    middle.ConceptNameCodeSequence = Sequence([inner])
    middle.ContentSequence = Sequence([])
    middle.is_undefined_length_sequence_item = True  # type: ignore[attr-defined]
    ds.ContentSequence = Sequence([middle, middle])
    ds["ContentSequence"].is_undefined_length = True
    block = ds.private_block(0x0019, "ACME", create=True)
    block.add_new(1, "UN", b"1234")
    block.add_new(2, "LT", "x" * 70)
    return ds


def _encapsulated() -> bytes:
    """A data set that ends in pixel data of fragments."""
    ds = ct(PixelData=None)
    fragments = b"".join(
        b"\xfe\xff\x00\xe0" + len(f).to_bytes(4, "little") + f for f in (b"", b"\xff\xd8" + bytes(20), bytes(6))
    )
    head = b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff"
    return encode(ds) + head + fragments + b"\xfe\xff\xdd\xe0\0\0\0\0"


@cache
def conversations() -> tuple[bytes, ...]:
    """All that a peer may say on one connection."""
    contexts = (
        (1, CT, SYNTAXES[:2]),
        (3, VERIFICATION, (IMPLICIT,)),
        (5, FIND, (IMPLICIT,)),
        (7, MR, (JPEG, DEFLATED)),
    )
    data = encode(ct())
    rich = associate_rq(
        contexts,
        more_user_items=role_item(CT, 1, 1)
        + item(0x53, b"\0\1\0\1")
        + item(0x55, b"VENDOR")
        + item(0x56, len(CT).to_bytes(2, "big") + CT.encode() + b"\0\1")
        + item(0x58, b"\1\0\0\4user\0\0"),
    )
    hello = associate_rq(contexts)
    release = pdu(RELEASE_RQ, bytes(4))
    echo = pdu(P_DATA, pdv(3, echo_rq(), command=True, last=True))
    store = pdu(P_DATA, pdv(1, store_rq(INSTANCE), command=True, last=True))
    body = pdu(P_DATA, pdv(1, data[:200], command=False, last=False) + pdv(1, data[200:], command=False, last=True))
    find = command_set((0x0002, FIND), (0x0100, 0x0020), (0x0110, 5), (0x0700, 0), (0x0800, 1))
    cancel = command_set((0x0100, 0x0FFF), (0x0120, 5), (0x0800, NO_DATA_SET))
    query = pdu(P_DATA, pdv(5, find, command=True, last=True) + pdv(5, data[:80], command=False, last=True))
    both = pdu(P_DATA, pdv(1, store_rq(INSTANCE), command=True, last=True) + pdv(1, data, command=False, last=True))
    return (
        hello + echo + release,
        rich + store + body + release,
        rich + both + echo + both + release,
        hello + query + pdu(P_DATA, pdv(5, cancel, command=True, last=True)) + release,
        hello + store + body[:100] + pdu(ABORT, bytes(4)),
        hello,
        rich,
    )
