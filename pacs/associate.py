"""Association requests read and answered, with the PDU classes of pynetdicom (PS3.8 9.3.2 to 9.3.4, PS3.7 D.3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from types import MappingProxyType

from pydicom.uid import UID
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
    SOPClassExtendedNegotiation,
)
from pynetdicom.presentation import PresentationContext

from pacs.contexts import Negotiated, Proposed, Roles
from pacs.upper_layer import AbortReason, ProtocolError
from storage.meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
# In the body of a request (PS3.8 9.3.2): called and calling AE title of 16 bytes each, and 32 reserved bytes.
_TITLES = slice(4, 68)
_ANY_TITLES = b"ANY".ljust(16) * 2 + bytes(32)
# A device asks with the same bytes each time, and reading 128 contexts takes 15 ms. What is remembered is bounded:
# few devices propose as much as this, and nobody can fill the memory with requests made up for it.
_REMEMBERED_REQUESTS = 64
_REMEMBERED_BYTES = 1 << 15
_CONTEXT_IDS = 128


class Rejection(Enum):
    """Why an association is refused: result, source, reason of PS3.8 table 9-21."""

    APPLICATION_CONTEXT = (1, 1, 2)
    CALLING_AE_TITLE = (1, 1, 3)
    CALLED_AE_TITLE = (1, 1, 7)
    PROTOCOL_VERSION = (1, 2, 2)
    TEMPORARY_CONGESTION = (2, 3, 1)
    LOCAL_LIMIT = (2, 3, 2)


@dataclass(frozen=True, slots=True)
class Request:
    """What a peer asks for."""

    calling_aet: str
    called_aet: str
    application_context: str
    protocol_version: int
    maximum_pdu: int
    """The longest P-DATA-TF PDU that the peer takes; 0 means no limit."""
    contexts: tuple[Proposed, ...]
    roles: Mapping[str, Roles]
    extended: Mapping[str, bytes]
    """Service class application information by SOP class (PS3.7 D.3.3.5)."""
    implementation: str
    titles: bytes
    """Called and calling AE title and what is reserved after them, as they came: the answer repeats them unchanged."""


def decode_request(body: memoryview) -> Request:
    """Read the body of an A-ASSOCIATE-RQ PDU.

    Raises:
        ProtocolError: it cannot be read.
    """
    titles = bytes(body[_TITLES])
    try:
        # Titles are judged by `refusal`, which answers as the standard says; the decoder would only fail on bad ones.
        plain = bytes(body[: _TITLES.start]) + _ANY_TITLES + bytes(body[_TITLES.stop :])
        request = _remembered(plain) if len(plain) <= _REMEMBERED_BYTES else _decoded(plain)
    except Exception as e:
        # The decoder was not written for hostile bytes and fails with whatever comes; for the peer it is all one.
        raise ProtocolError(
            f"the association request cannot be read ({type(e).__name__}: {e})", AbortReason.INVALID_PARAMETER
        ) from e
    return replace(request, calling_aet=_title(titles[16:32]), called_aet=_title(titles[:16]), titles=titles)


def _decoded(plain: bytes) -> Request:
    """Read a request with any titles in it."""
    pdu = A_ASSOCIATE_RQ()
    pdu.decode(b"\x01\x00" + len(plain).to_bytes(4, "big") + plain)
    return _request(pdu.to_primitive(), pdu)


_remembered = lru_cache(_REMEMBERED_REQUESTS)(_decoded)


def _request(primitive: A_ASSOCIATE, pdu: A_ASSOCIATE_RQ) -> Request:
    roles: dict[str, Roles] = {}
    extended: dict[str, bytes] = {}
    maximum_pdu, implementation = 0, ""
    for item in primitive.user_information:
        match item:
            case MaximumLengthNotification():
                maximum_pdu = item.maximum_length_received
            case SCP_SCU_RoleSelectionNegotiation():
                roles[str(item.sop_class_uid)] = Roles(bool(item.scu_role), bool(item.scp_role))
            case SOPClassExtendedNegotiation():
                extended[str(item.sop_class_uid)] = bytes(item.service_class_application_information or b"")
            case ImplementationVersionNameNotification():
                implementation = str(item.implementation_version_name or "")
    return Request(
        calling_aet="",
        called_aet="",
        application_context=str(primitive.application_context_name),
        protocol_version=pdu.protocol_version,
        maximum_pdu=maximum_pdu,
        contexts=tuple(_proposed(c) for c in primitive.presentation_context_definition_list),
        roles=MappingProxyType(roles),
        extended=MappingProxyType(extended),
        implementation=implementation,
        titles=b"",
    )


def _title(raw: bytes) -> str:
    """Read an AE title; devices that go beyond ASCII are read as Latin-1."""
    return raw.decode("latin-1").strip(" \0")


def _proposed(c: PresentationContext) -> Proposed:
    if c.context_id is None or c.abstract_syntax is None:
        raise ValueError("a presentation context lacks its ID or abstract syntax")
    return Proposed(c.context_id, str(c.abstract_syntax), tuple(str(ts) for ts in c.transfer_syntax))


def refusal(request: Request) -> Rejection | None:
    """Return why a request cannot be met whatever it proposes; None when it can."""
    if not request.protocol_version & 1:
        return Rejection.PROTOCOL_VERSION
    if request.application_context != APPLICATION_CONTEXT:
        return Rejection.APPLICATION_CONTEXT
    if not _is_title(request.called_aet):
        return Rejection.CALLED_AE_TITLE
    if not _is_title(request.calling_aet):
        return Rejection.CALLING_AE_TITLE
    return None


def _is_title(title: str) -> bool:
    """Tell whether there is a title, without what PS3.5 6.2 keeps out of AE: control characters and backslash."""
    return bool(title) and title.isprintable() and "\\" not in title


def encode_acceptance(
    request: Request,
    contexts: tuple[Negotiated, ...],
    roles: Mapping[str, Roles],
    maximum_pdu: int,
    extended: Mapping[str, bytes] = MappingProxyType({}),
) -> bytes:
    """Return the A-ASSOCIATE-AC PDU."""
    # More than the 128 IDs that there are (PS3.8 9.3.2.2) comes from no device: that is not worth remembering.
    encode = _remembered_acceptance if len(contexts) <= _CONTEXT_IDS else _acceptance
    encoded = encode(contexts, tuple(roles.items()), maximum_pdu, tuple(extended.items()))
    # PS3.8 9.3.3, table 9-17: bytes 11 to 74 are sent as they were received. Six bytes of header stand before the body.
    first, last = _TITLES.start + 6, _TITLES.stop + 6
    return encoded[:first] + request.titles + encoded[last:]


def _acceptance(
    contexts: tuple[Negotiated, ...],
    roles: tuple[tuple[str, Roles], ...],
    maximum_pdu: int,
    extended: tuple[tuple[str, bytes], ...],
) -> bytes:
    primitive = A_ASSOCIATE()
    primitive.application_context_name = UID(APPLICATION_CONTEXT)
    primitive.result = 0
    primitive.result_source = 1
    primitive.presentation_context_definition_results_list = [_result(n) for n in contexts]
    primitive.user_information = [
        *identity(maximum_pdu),
        *(role_item(uid, r) for uid, r in roles),
        *(_extended_item(uid, information) for uid, information in extended),
    ]
    return bytes(A_ASSOCIATE_AC(primitive).encode())


_remembered_acceptance = lru_cache(_REMEMBERED_REQUESTS)(_acceptance)


def identity(
    maximum_pdu: int,
) -> list[MaximumLengthNotification | ImplementationClassUIDNotification | ImplementationVersionNameNotification]:
    """Return the user information that both sides send: the longest PDU taken, and who we are (PS3.7 D.3.3.2)."""
    length = MaximumLengthNotification()
    length.maximum_length_received = maximum_pdu
    class_uid = ImplementationClassUIDNotification()
    class_uid.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    return [length, class_uid, version]


def _result(n: Negotiated) -> PresentationContext:
    context = PresentationContext()
    context.context_id = n.context_id
    context.abstract_syntax = UID(n.abstract_syntax)
    context.transfer_syntax = [UID(n.transfer_syntax)]
    context.result = int(n.result)
    return context


def role_item(uid: str, r: Roles) -> SCP_SCU_RoleSelectionNegotiation:
    """Return the role selection item for one SOP class (PS3.7 D.3.3.4)."""
    item = SCP_SCU_RoleSelectionNegotiation()
    item.sop_class_uid = UID(uid)
    item.scu_role = r.scu
    item.scp_role = r.scp
    return item


def _extended_item(uid: str, information: bytes) -> SOPClassExtendedNegotiation:
    item = SOPClassExtendedNegotiation()
    item.sop_class_uid = UID(uid)
    item.service_class_application_information = information
    return item


def encode_rejection(rejection: Rejection) -> bytes:
    """Return the A-ASSOCIATE-RJ PDU."""
    primitive = A_ASSOCIATE()
    primitive.result, primitive.result_source, primitive.diagnostic = rejection.value
    return bytes(A_ASSOCIATE_RJ(primitive).encode())
