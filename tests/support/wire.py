"""The DICOM wire, built by hand from PS3.7 and PS3.8, so that tests share no code with what they test."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

RQ, AC, RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)
CT, MR, VERIFICATION = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.1.1"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
PRINT = "1.2.840.10008.5.1.1.9"
IMPLICIT, EXPLICIT, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"
APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
STORE_RQ, STORE_RSP, ECHO_RQ, ECHO_RSP, CANCEL_RQ = 0x0001, 0x8001, 0x0030, 0x8030, 0x0FFF
NO_DATA_SET = 0x0101

Context = tuple[int, str, Sequence[str]]


def pdu(kind: int, body: bytes = b"") -> bytes:
    return struct.pack(">BxI", kind, len(body)) + body


def item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(body)) + body


def context_item(context_id: int, abstract: str, syntaxes: Iterable[str]) -> bytes:
    subitems = item(0x30, abstract.encode()) + b"".join(item(0x40, ts.encode()) for ts in syntaxes)
    return item(0x20, bytes((context_id, 0, 0, 0)) + subitems)


def role_item(uid: str, scu: int, scp: int) -> bytes:
    return item(0x54, struct.pack(">H", len(uid)) + uid.encode() + bytes((scu, scp)))


def associate_rq(
    contexts: Iterable[Context] = ((1, CT, (EXPLICIT,)), (3, VERIFICATION, (IMPLICIT,))),
    *,
    called: bytes = b"FILMLESS",
    calling: bytes = b"SCANNER",
    version: int = 1,
    application_context: str = APPLICATION_CONTEXT,
    maximum_pdu: int = 16384,
    more_user_items: bytes = b"",
) -> bytes:
    user = item(0x51, struct.pack(">I", maximum_pdu)) + item(0x52, b"1.2.3.4") + more_user_items
    body = (
        struct.pack(">Hxx", version)
        + called.ljust(16)
        + calling.ljust(16)
        + bytes(32)
        + item(0x10, application_context.encode())
        + b"".join(context_item(*c) for c in contexts)
        + item(0x50, user)
    )
    return pdu(RQ, body)


def pdv(context_id: int, fragment: bytes, *, command: bool, last: bool) -> bytes:
    return struct.pack(">IBB", len(fragment) + 2, context_id, command | last << 1) + fragment


def command_set(*elements: tuple[int, int | str]) -> bytes:
    body = b"".join(_element(number, value) for number, value in elements)
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def _element(number: int, value: int | str) -> bytes:
    raw = struct.pack("<H", value) if isinstance(value, int) else value.encode("latin-1")
    raw += b"\0" * (len(raw) % 2)
    return struct.pack("<HHI", 0, number, len(raw)) + raw


def echo_rq(message_id: int = 1) -> bytes:
    return command_set((0x0002, VERIFICATION), (0x0100, ECHO_RQ), (0x0110, message_id), (0x0800, NO_DATA_SET))


def store_rq(sop_instance_uid: str, *, sop_class_uid: str = CT, message_id: int = 1, data_set: int = 0) -> bytes:
    return command_set(
        (0x0002, sop_class_uid),
        (0x0100, STORE_RQ),
        (0x0110, message_id),
        (0x0700, 0),
        (0x0800, data_set),
        (0x1000, sop_instance_uid),
    )


def elements(command: bytes) -> dict[int, bytes]:
    """Element number to raw value."""
    found, at = {}, 0
    while at < len(command):
        group, number, length = struct.unpack_from("<HHI", command, at)
        assert group == 0
        found[number] = command[at + 8 : at + 8 + length]
        at += 8 + length
    return found


@dataclass
class Response:
    """A response's command set."""

    values: dict[int, bytes]

    @property
    def field(self) -> int:
        return int.from_bytes(self.values[0x0100], "little")

    @property
    def status(self) -> int:
        return int.from_bytes(self.values[0x0900], "little")

    @property
    def message_id(self) -> int:
        return int.from_bytes(self.values[0x0120], "little")

    @property
    def comment(self) -> str:
        return self.values.get(0x0902, b"").decode("ascii").strip()


@dataclass
class Answer:
    """An A-ASSOCIATE-AC: result and transfer syntax by context ID, roles by SOP class, the longest PDU taken."""

    results: dict[int, tuple[int, str]] = field(default_factory=dict)
    roles: dict[str, tuple[int, int]] = field(default_factory=dict)
    maximum_pdu: int = 0
    titles: bytes = b""
    extended: dict[str, bytes] = field(default_factory=dict)
    """What was granted of SOP class extended negotiation."""


def parse_ac(body: bytes) -> Answer:
    answer = Answer(titles=body[4:36])
    at = 68
    while at < len(body):
        kind, length = struct.unpack_from(">BxH", body, at)
        value = body[at + 4 : at + 4 + length]
        if kind == 0x21:
            answer.results[value[0]] = (value[2], value[8:].decode())
        elif kind == 0x50:
            _parse_user(value, answer)
        at += 4 + length
    return answer


def _parse_user(value: bytes, answer: Answer) -> None:
    at = 0
    while at < len(value):
        kind, length = struct.unpack_from(">BxH", value, at)
        sub = value[at + 4 : at + 4 + length]
        if kind == 0x51:
            answer.maximum_pdu = int.from_bytes(sub, "big")
        elif kind == 0x56:
            size = int.from_bytes(sub[:2], "big")
            answer.extended[sub[2 : 2 + size].decode()] = sub[2 + size :]
        elif kind == 0x54:
            size = int.from_bytes(sub[:2], "big")
            answer.roles[sub[2 : 2 + size].decode()] = (sub[2 + size], sub[3 + size])
        at += 4 + length


class Closed(Exception):
    """The other side closed or reset the connection."""


class Wire:
    """One connection, seen as bytes and PDUs."""

    def __init__(self, connection: socket.socket, timeout: float = 10.0) -> None:
        self.socket = connection
        self.socket.settimeout(timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @classmethod
    def connect(cls, port: int, timeout: float = 10.0) -> Self:
        return cls(socket.create_connection(("127.0.0.1", port), timeout=timeout), timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.socket.close()

    def send(self, *pieces: bytes) -> None:
        self.socket.sendall(b"".join(pieces))

    def _exactly(self, size: int) -> bytes:
        got = b""
        while len(got) < size:
            try:
                more = self.socket.recv(size - len(got))
            except ConnectionError as e:
                raise Closed from e
            if not more:
                raise Closed
            got += more
        return got

    def read(self) -> tuple[int, bytes]:
        kind, length = struct.unpack(">BxI", self._exactly(6))
        return kind, self._exactly(length)

    def expect(self, kind: int) -> bytes:
        got, body = self.read()
        assert got == kind, f"a PDU of type {got} instead of {kind}: {body!r}"
        return body

    def expect_closed(self) -> None:
        try:
            got = self.read()
        except Closed:
            return
        raise AssertionError(f"still talking: {got!r}")

    def expect_abort(self) -> tuple[int, int]:
        """Source and reason of the abort that comes now."""
        body = self.expect(ABORT)
        return body[2], body[3]

    def associate(self, contexts: Iterable[Context] | None = None, **how: object) -> Answer:
        given = {} if contexts is None else {"contexts": contexts}
        self.send(associate_rq(**given, **how))  # type: ignore[arg-type]
        return parse_ac(self.expect(AC))

    def command(self, context_id: int, command: bytes) -> None:
        self.send(pdu(P_DATA, pdv(context_id, command, command=True, last=True)))

    def data(self, context_id: int, data: bytes, *, size: int = 16000) -> None:
        for at in range(0, max(len(data), 1), size):
            piece = data[at : at + size]
            self.send(pdu(P_DATA, pdv(context_id, piece, command=False, last=at + size >= len(data))))

    def response(self) -> Response:
        body = self.expect(P_DATA)
        length, _, control = struct.unpack_from(">IBB", body)
        assert control == 3
        assert length == len(body) - 4
        return Response(elements(body[6:]))

    def echo(self, context_id: int = 3, message_id: int = 1) -> Response:
        self.command(context_id, echo_rq(message_id))
        return self.response()

    def store(
        self, data: bytes, sop_instance_uid: str, *, context_id: int = 1, size: int = 16000, sop_class_uid: str = CT
    ) -> Response:
        self.command(context_id, store_rq(sop_instance_uid, sop_class_uid=sop_class_uid))
        self.data(context_id, data, size=size)
        return self.response()

    def release(self) -> None:
        self.send(pdu(RELEASE_RQ, bytes(4)))
        self.expect(RELEASE_RP)


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    """Two ends of a loopback TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    return near, far
