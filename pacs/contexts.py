"""Which presentation contexts are accepted, and with which transfer syntax (PS3.8 9.3.3.2, PS3.7 D.3.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

from pydicom._uid_dict import UID_dictionary
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MediaStorageDirectoryStorage,
)
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StorageCommitmentPushModel,
    Verification,
)

# Patient Root, Study Root, and the retired Patient/Study Only: FIND, MOVE and GET of each (PS3.4 C.6).
from storage import uid

FIND_CLASSES = tuple(f"1.2.840.10008.5.1.4.1.2.{model}.1" for model in (1, 2, 3))
MOVE_CLASSES = tuple(f"1.2.840.10008.5.1.4.1.2.{model}.2" for model in (1, 2, 3))
GET_CLASSES = tuple(f"1.2.840.10008.5.1.4.1.2.{model}.3" for model in (1, 2, 3))
RETRIEVE_CLASSES = frozenset({*MOVE_CLASSES, *GET_CLASSES})
COMMITMENT_CLASS = str(StorageCommitmentPushModel)
COMMITMENT_INSTANCE = "1.2.840.10008.1.20.1.1"
"""The well-known instance that requests go to (PS3.4 J.3.5)."""
_STANDARD_ROOT = "1.2.840.10008."
_STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."
# Encodings that are no DICOM data set as PS3.5 A defines one, or exist only in real-time video.
_NO_DATA_SETS = ("1.2.840.10008.1.2.6.", "1.2.840.10008.1.2.7.", "1.2.840.10008.1.20")


class Result(IntEnum):
    """Results of PS3.8 table 9-18."""

    ACCEPTED = 0
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 4


@dataclass(frozen=True, slots=True)
class Proposed:
    """One presentation context of an association request."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Negotiated:
    """The answer to one presentation context."""

    context_id: int
    abstract_syntax: str
    transfer_syntax: str
    result: Result


@dataclass(frozen=True, slots=True)
class Roles:
    """SCP/SCU role selection for one SOP class (PS3.7 D.3.3.4), from the requestor's point of view."""

    scu: bool
    scp: bool


@cache
def transfer_syntaxes() -> frozenset[str]:
    """Return every transfer syntax of PS3.6 that encodes a data set, retired ones too."""
    return frozenset(
        known
        for known, (_, kind, *_) in UID_dictionary.items()
        if kind == "Transfer Syntax" and not known.startswith(_NO_DATA_SETS)
    )


def is_storage(abstract_syntax: str) -> bool:
    """Tell whether a SOP class is one of storage: by the dictionary, or private, or newer than the dictionary."""
    if not abstract_syntax.startswith(_STANDARD_ROOT):
        return uid.is_valid(abstract_syntax)
    entry = UID_dictionary.get(abstract_syntax)
    # Classes that were retired with their documents are in the dictionary, but lost their names.
    if entry is None or not entry[0]:
        return abstract_syntax.startswith(_STORAGE_ROOT) and uid.is_valid(abstract_syntax)
    is_class = entry[1] == "SOP Class"
    return is_class and "Storage" in entry[0].split() and abstract_syntax not in _OTHER_STORAGE


# "Storage" in their names, but a service or a medium and no object.
_OTHER_STORAGE = frozenset({str(MediaStorageDirectoryStorage), str(StorageCommitmentPushModel), "1.2.840.10008.1.20.2"})


def supported_services() -> frozenset[str]:
    """Return the SOP classes other than storage that are offered."""
    return frozenset({str(Verification), *FIND_CLASSES, *RETRIEVE_CLASSES, COMMITMENT_CLASS})


def negotiate(proposed: Iterable[Proposed]) -> tuple[Negotiated, ...]:
    """Answer each proposed context."""
    return tuple(_answer(p) for p in proposed)


def _answer(p: Proposed) -> Negotiated:
    syntax = choose(p.transfer_syntaxes)
    if p.abstract_syntax not in supported_services() and not is_storage(p.abstract_syntax):
        result = Result.ABSTRACT_SYNTAX_NOT_SUPPORTED
    elif syntax is None:
        result = Result.TRANSFER_SYNTAXES_NOT_SUPPORTED
    else:
        result = Result.ACCEPTED
    return Negotiated(p.context_id, p.abstract_syntax, syntax or ImplicitVRLittleEndian, result)


def choose(offered: tuple[str, ...]) -> str | None:
    """Choose a transfer syntax: the first that is known, as the sender prefers it.

    Between the uncompressed ones explicit little endian wins: it keeps the VR of private elements, which implicit VR
    loses, and every reader takes it.
    """
    known = [syntax for syntax in offered if syntax in transfer_syntaxes()]
    if not known:
        return None
    plain = {ImplicitVRLittleEndian, ExplicitVRBigEndian}
    if known[0] in plain and ExplicitVRLittleEndian in known:
        return str(ExplicitVRLittleEndian)
    return known[0]


def accept_roles(asked: Mapping[str, Roles]) -> dict[str, Roles]:
    """Answer role selection.

    A requestor may be SCP of storage, to be sent objects by C-GET (PS3.4 C.5.3), and of storage commitment, to tell
    what it keeps of what we sent to it (J.3.3).
    """
    valid = {name: r for name, r in asked.items() if uid.is_valid(name)}
    given = {
        name: Roles(scu=r.scu, scp=r.scp and (is_storage(name) or name == COMMITMENT_CLASS))
        for name, r in valid.items()
    }
    # No role at all is no answer; without one the default roles hold (PS3.7 D.3.3.4).
    return {name: r for name, r in given.items() if r.scu or r.scp}


def accept_extended(asked: Mapping[str, bytes]) -> dict[str, bytes]:
    """Answer SOP class extended negotiation of query and retrieve: one byte for each option, 1 for granted.

    Of queries (PS3.4 C.5.1.1) relational ones and combined date-time matching are granted; fuzzy matching of names,
    adjustment of time zones and conversion to enhanced multi-frame are not. Of retrieves (C.5.2.1, C.5.3.1) relational
    ones are granted, conversion is not.
    """
    known = {**dict.fromkeys(FIND_CLASSES, (2, 5)), **dict.fromkeys(RETRIEVE_CLASSES, (1, 2))}
    return {uid: _options(information, *known[uid]) for uid, information in asked.items() if uid in known}


def _options(information: bytes, granted: int, defined: int) -> bytes:
    """Grant the first options that are asked for, out of those that the standard defines."""
    first = bytes(int(option == 1) for option in information[:granted])
    return first + bytes(len(information[:defined]) - len(first))
