"""`filmless peer` and `filmless certificate`."""

from __future__ import annotations

import getpass
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from pacs.config import data_option, option
from pacs.tls import TLSError, checked_authorities, make_certificate
from storage.records import Event, Peer, Records

_query = click.option("--query/--no-query", default=True, show_default=True, help="It may query (C-FIND).")
_retrieve = click.option(
    "--retrieve/--no-retrieve", default=True, show_default=True, help="It may retrieve and be sent to (C-MOVE, C-GET)."
)
_tls = click.option("--tls/--no-tls", default=False, show_default=True, help="Connect to it with TLS.")
_TLS_VERIFY = "With TLS, trust only a certificate of --tls-authorities, or else of the system's; without, any at all."
_AUTHORITIES = "File with its certificate, or that of the authority that signed it (PEM); kept with the peer."
_COMMITMENT = "Ask it to commit to the storage of what we send to it."
_REJECT = "Take out of use what its rejection notes (IOCM) name."
_verify = click.option("--tls-verify/--no-tls-verify", default=True, show_default=True, help=_TLS_VERIFY)
_authorities = click.option("--tls-authorities", type=click.File(encoding="utf-8"), help=_AUTHORITIES)
_commitment = click.option("--commitment/--no-commitment", default=False, show_default=True, help=_COMMITMENT)
_reject = click.option("--reject/--no-reject", default=False, show_default=True, help=_REJECT)


@click.group()
def peer() -> None:
    """Remote nodes that may query, retrieve and be sent to.

    Any device may echo and store without being listed here, unless `serve --unknown-callers refuse` keeps it out.
    """


@peer.command("add")
@click.argument("name")
@click.argument("aet")
@click.argument("host")
@click.argument("port", type=int)
@_query
@_retrieve
@_tls
@_verify
@_authorities
@_commitment
@_reject
@data_option
def peer_add(name: str, aet: str, host: str, port: int, data: Path, **given: Any) -> None:
    """Add a node: a NAME for people, its AE title, host and port."""
    with Records.open(data) as records:
        added = records.peers.add(Peer(name, aet, host, port, **_fields(given)))
        _note(records, Event.ADD_PEER, _line(added), added.name)
    click.echo(f"peer {added.name} added: {added.aet} at {added.host}:{added.port}")


@peer.command("change")
@click.argument("name")
@click.option("--aet", help="Its AE title.")
@click.option("--host", help="Its host name or address.")
@click.option("--port", type=int, help="Its port.")
@click.option("--query/--no-query", default=None, help="It may query.")
@click.option("--retrieve/--no-retrieve", default=None, help="It may retrieve and be sent to.")
@click.option("--tls/--no-tls", default=None, help="Connect to it with TLS.")
@click.option("--tls-verify/--no-tls-verify", default=None, help=_TLS_VERIFY)
@_authorities
@click.option("--commitment/--no-commitment", default=None, help=_COMMITMENT)
@click.option("--reject/--no-reject", default=None, help=_REJECT)
@data_option
def peer_change(name: str, data: Path, **changes: Any) -> None:
    """Change what is known of a node; what is not given stays."""
    with Records.open(data) as records:
        before = records.peers.get(name)
        changed = records.peers.change(name, replace(before, **_fields(changes)))
        _note(records, Event.CHANGE_PEER, f"{_line(before)} → {_line(changed)}", changed.name)
    click.echo(f"peer {changed.name} changed: {_line(changed)}")


@peer.command("remove")
@click.argument("name")
@data_option
def peer_remove(name: str, data: Path) -> None:
    """Forget a node."""
    with Records.open(data) as records:
        removed = records.peers.get(name)
        records.peers.remove(name)
        _note(records, Event.REMOVE_PEER, _line(removed), removed.name)
    click.echo(f"peer {name} removed")


@peer.command("list")
@data_option
def peer_list(data: Path) -> None:
    """List all nodes."""
    with Records.open(data) as records:
        for p in records.peers.list():
            click.echo(f"{p.name}\t{_line(p)}")


def _note(records: Records, event: Event, detail: str, name: str) -> None:
    """Write into the audit what was done here, by whom the computer knows."""
    detail = " ".join((f"{name}: {detail}").split())
    records.audit.record(event, who=getpass.getuser(), means="command line", detail=detail)


def _fields(given: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a `Peer` that options stand for; those that were not given are left out."""
    names = {
        "query": "may_query", "retrieve": "may_retrieve", "reject": "may_reject", "commitment": "asks_commitment"
    }  # fmt: skip
    found = {names.get(key, key): value for key, value in given.items() if value is not None}
    if "tls_authorities" in found:
        text = found["tls_authorities"].read()
        try:
            found["tls_authorities"] = checked_authorities(text) if text.strip() else ""
        except TLSError as e:
            raise click.UsageError(f"--tls-authorities: {e}") from e
    return found


def _line(p: Peer) -> str:
    rights = (("query", p.may_query), ("retrieve", p.may_retrieve), ("reject", p.may_reject))
    allowed = [word for word, may in rights if may]
    tls = (" tls" if p.tls_verify else " tls-unverified") if p.tls else ""
    return f"{p.aet}\t{p.host}:{p.port}\t{','.join(allowed) or 'nothing'}{tls}{' commitment' * p.asks_commitment}"


@click.command("certificate", short_help="Make a key and a certificate.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=None, required=False)
@click.option(
    "--host", "hosts", multiple=True, help="A name or address that this computer is reached by; several times."
)
@option("aet", default="FILMLESS", help="Own AE title, which the certificate names.")
@data_option
def certificate(folder: Path | None, hosts: tuple[str, ...], aet: str, data: Path) -> None:
    """Make a key and a certificate for DICOM over TLS, signed by itself, in FOLDER.

    Without FOLDER, it is `tls` in the data folder. Needs the program `openssl`.
    """
    try:
        made = make_certificate(folder or data / "tls", aet, hosts)
    except TLSError as e:
        raise click.ClickException(str(e)) from e
    click.echo(f'dicom_tls_certificate = "{made.certificate}"\ndicom_tls_key = "{made.key}"')
