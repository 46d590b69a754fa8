"""Remote nodes that may query and retrieve, and that objects may be sent to."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import fields, replace
from typing import Any

from storage.errors import AlreadyExists, InvalidRecord, NotFound
from storage.records.clock import iso
from storage.records.database import RecordsDatabase
from storage.records.model import Peer
from storage.records.users import checked_name

AET_MAX_LENGTH = 16
AUTHORITIES_MAX_LENGTH = 1 << 18
_COLUMNS = tuple(f.name for f in fields(Peer))
_FLAGS = frozenset(f.name for f in fields(Peer) if isinstance(f.default, bool))


class Peers:
    """Add, list, change and find remote nodes; reached as `Records.peers`."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    def add(self, peer: Peer) -> Peer:
        """Add a node.

        Raises:
            InvalidRecord: a name, AE title, host or port that cannot be right.
            AlreadyExists: the name or the AE title is taken.
        """
        checked = _checked(peer)
        try:
            with self._database.writing() as connection:
                connection.execute(
                    f"INSERT INTO peers ({', '.join(_COLUMNS)}, created_at) VALUES ({'?, ' * len(_COLUMNS)}?)",
                    (*_values(checked), iso(time.time())),
                )
        except sqlite3.IntegrityError:
            raise AlreadyExists(f"a peer of the name {peer.name!r} or the AE title {peer.aet!r} exists") from None
        return checked

    def change(self, name: str, peer: Peer) -> Peer:
        """Replace all that is known of the node `name`; raises as `add`, and `NotFound` for no such node."""
        checked = _checked(peer)
        try:
            with self._database.writing() as connection:
                changed = connection.execute(
                    f"UPDATE peers SET {', '.join(f'{c} = ?' for c in _COLUMNS)} WHERE name = ?",
                    (*_values(checked), name),
                ).rowcount
        except sqlite3.IntegrityError:
            raise AlreadyExists(f"a peer of the name {peer.name!r} or the AE title {peer.aet!r} exists") from None
        if not changed:
            raise NotFound(f"no peer {name!r}")
        return checked

    def remove(self, name: str) -> None:
        """Forget a node; `NotFound` for no such node."""
        with self._database.writing() as connection:
            removed = connection.execute("DELETE FROM peers WHERE name = ?", (name,)).rowcount
        if not removed:
            raise NotFound(f"no peer {name!r}")

    def list(self) -> list[Peer]:
        """Return all nodes by name."""
        return [_peer(row) for row in self._database.connection.execute("SELECT * FROM peers ORDER BY name")]

    def get(self, name: str) -> Peer:
        """Return the node `name`; `NotFound` for no such node."""
        row = self._database.connection.execute("SELECT * FROM peers WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise NotFound(f"no peer {name!r}")
        return _peer(row)

    def by_aet(self, aet: str) -> Peer | None:
        """Return the node of an AE title; None for an unknown one."""
        row = self._database.connection.execute("SELECT * FROM peers WHERE aet = ?", (aet.strip(),)).fetchone()
        return None if row is None else _peer(row)


def checked_aet(aet: str) -> str:
    """Return an AE title without its padding.

    Raises:
        InvalidRecord: not 1 to 16 printable ASCII characters without backslash (PS3.5 6.2, AE).
    """
    bare = aet.strip(" ")
    if not 1 <= len(bare) <= AET_MAX_LENGTH or not bare.isascii() or not bare.isprintable() or "\\" in bare:
        raise InvalidRecord(f"{aet[:40]!r} is no AE title: 1 to 16 printable ASCII characters without backslash")
    return bare


def _checked(peer: Peer) -> Peer:
    host = peer.host.strip()
    if not host or len(host) > 255 or any(c.isspace() or not c.isprintable() for c in host):
        raise InvalidRecord(f"{peer.host[:40]!r} is no host name or address")
    if not 1 <= peer.port <= 65535:
        raise InvalidRecord(f"{peer.port} is no port: 1 to 65535")
    if len(peer.tls_authorities) > AUTHORITIES_MAX_LENGTH:
        raise InvalidRecord(f"more than {AUTHORITIES_MAX_LENGTH} characters of certificates")
    return replace(peer, name=checked_name(peer.name), aet=checked_aet(peer.aet), host=host)


def _values(peer: Peer) -> tuple[str | int, ...]:
    return tuple(getattr(peer, column) for column in _COLUMNS)


def _peer(row: sqlite3.Row) -> Peer:
    values: dict[str, Any] = {name: bool(row[name]) if name in _FLAGS else row[name] for name in _COLUMNS}
    return Peer(**values)
