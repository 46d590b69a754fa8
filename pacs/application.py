"""What every handler may need of the application it works for."""

from __future__ import annotations

from dataclasses import dataclass, field

from pacs.requestor import Node
from pacs.tls import OwnCertificate, requestor_context
from storage.archive import Archive
from storage.records import Peer, Records


@dataclass(frozen=True, slots=True)
class FindSettings:
    """How queries are answered."""

    maximum_answers: int = 10_000
    """After so many a query ends with A700 and an Error Comment that says so."""
    combined_date_time: bool = False
    """Take a range of dates beside a range of times for one range, also where that was not negotiated."""


@dataclass(frozen=True, slots=True)
class Application:
    """The archive, what is known of users and remote nodes, and our own AE title; shared by all associations."""

    archive: Archive
    records: Records
    aet: str
    find: FindSettings = field(default_factory=FindSettings)
    certificate: OwnCertificate | None = None
    """What we show to peers that are spoken to with TLS."""

    def node_of(self, peer: Peer) -> Node:
        """Return a peer as something to ask for an association, TLS included.

        Raises:
            TLSError: a certificate or key cannot be used.
        """
        return Node(peer.aet, peer.host, peer.port, requestor_context(peer, self.certificate))
