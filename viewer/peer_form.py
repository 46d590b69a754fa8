"""The form of a peer: from fields to a `Peer`, with what is wrong said beside its field."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from flask_babel import gettext

from storage.errors import InvalidRecord
from storage.records import Peer
from storage.records.peers import checked_aet
from storage.records.users import checked_name

PEM_MAX_LENGTH = 100_000
FLAGS = ("may_query", "may_retrieve", "may_reject", "tls", "tls_verify", "asks_commitment")
TEXTS = ("name", "aet", "host", "port", "tls_authorities")


@dataclass(frozen=True, slots=True)
class PeerForm:
    """What a person entered, or is to see at first."""

    texts: Mapping[str, str]
    flags: Mapping[str, bool]
    problems: Mapping[str, str]
    """What is wrong, by field."""

    def peer(self) -> Peer:
        """Return the peer; only for a form without problems."""
        texts = {**self.texts, "port": int(self.texts["port"])}
        return Peer(**texts, **self.flags)  # type: ignore[arg-type]

    def with_problem(self, name: str, text: str) -> PeerForm:
        """Return the form with one more problem."""
        return PeerForm(self.texts, self.flags, {**self.problems, name: text})


def of_peer(peer: Peer | None = None) -> PeerForm:
    """Return the form that shows a peer, or a new one."""
    shown = peer or Peer("", "", "", 104)
    texts = {name: str(getattr(shown, name)) for name in TEXTS}
    return PeerForm(texts, {name: getattr(shown, name) for name in FLAGS}, {})


def read(fields: Mapping[str, str]) -> PeerForm:
    """Read what was entered, and check it."""
    texts = {name: fields.get(name, "").strip() for name in TEXTS}
    return PeerForm(texts, {name: name in fields for name in FLAGS}, _problems(texts))


def _problems(texts: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, check, words in (
        ("name", checked_name, gettext("1 to 64 characters, without a colon.")),
        ("aet", checked_aet, gettext("1 to 16 letters, digits or signs of English, without a backslash.")),
    ):
        try:
            check(texts[name])
        except InvalidRecord:
            found[name] = words
    host, port = texts["host"], texts["port"]
    if not host or len(host) > 255 or any(c.isspace() or not c.isprintable() for c in host):
        found["host"] = gettext("A host name or an IP address, without spaces.")
    if not (port.isascii() and port.isdigit() and len(port) < 6 and 1 <= int(port) <= 65535):
        found["port"] = gettext("A number from 1 to 65535.")
    if texts["tls_authorities"] and not _are_certificates(texts["tls_authorities"]):
        found["tls_authorities"] = gettext("Not a certificate in PEM form (BEGIN CERTIFICATE …).")
    return found


def _are_certificates(text: str) -> bool:
    if len(text) > PEM_MAX_LENGTH or not text.isascii():
        return False
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        return False
    return True
