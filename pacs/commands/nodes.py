"""`filmless peer`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from pacs.config import data_option
from storage.records import Peer, Records

_query = click.option("--query/--no-query", default=True, show_default=True, help="It may query (C-FIND).")
_retrieve = click.option(
    "--retrieve/--no-retrieve", default=True, show_default=True, help="It may retrieve and be sent to (C-MOVE, C-GET)."
)
_tls = click.option("--tls/--no-tls", default=False, show_default=True, help="Connect to it with TLS.")


@click.group()
def peer() -> None:
    """Remote nodes that may query, retrieve and be sent to.

    Any device may echo and store without being listed here.
    """


@peer.command("add")
@click.argument("name")
@click.argument("aet")
@click.argument("host")
@click.argument("port", type=int)
@_query
@_retrieve
@_tls
@data_option
def peer_add(name: str, aet: str, host: str, port: int, query: bool, retrieve: bool, tls: bool, data: Path) -> None:
    """Add a node: a NAME for people, its AE title, host and port."""
    with Records.open(data) as records:
        added = records.peers.add(Peer(name, aet, host, port, query, retrieve, tls))
    click.echo(f"peer {added.name} added: {added.aet} at {added.host}:{added.port}")


@peer.command("change")
@click.argument("name")
@click.option("--aet", help="Its AE title.")
@click.option("--host", help="Its host name or address.")
@click.option("--port", type=int, help="Its port.")
@click.option("--query/--no-query", default=None, help="It may query.")
@click.option("--retrieve/--no-retrieve", default=None, help="It may retrieve and be sent to.")
@click.option("--tls/--no-tls", default=None, help="Connect to it with TLS.")
@data_option
def peer_change(name: str, data: Path, **changes: str | int | bool | None) -> None:
    """Change what is known of a node; what is not given stays."""
    names = {"query": "may_query", "retrieve": "may_retrieve"}
    given = {names.get(key, key): value for key, value in changes.items() if value is not None}
    with Records.open(data) as records:
        changed = records.peers.change(name, replace(records.peers.get(name), **given))  # type: ignore[arg-type]
    click.echo(f"peer {changed.name} changed: {_line(changed)}")


@peer.command("remove")
@click.argument("name")
@data_option
def peer_remove(name: str, data: Path) -> None:
    """Forget a node."""
    with Records.open(data) as records:
        records.peers.remove(name)
    click.echo(f"peer {name} removed")


@peer.command("list")
@data_option
def peer_list(data: Path) -> None:
    """List all nodes."""
    with Records.open(data) as records:
        for p in records.peers.list():
            click.echo(f"{p.name}\t{_line(p)}")


def _line(p: Peer) -> str:
    allowed = [word for word, may in (("query", p.may_query), ("retrieve", p.may_retrieve)) if may]
    return f"{p.aet}\t{p.host}:{p.port}\t{','.join(allowed) or 'nothing'}{' tls' if p.tls else ''}"
