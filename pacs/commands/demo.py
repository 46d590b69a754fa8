"""`filmless demo`: an archive to try, with sample studies that arrive as a scanner would send them."""

from __future__ import annotations

import secrets
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

import sample_dicom
from pacs.config import ServeSettings, serve_options, serve_settings
from pacs.lock import DataLock
from pacs.logs import set_up_logging
from pacs.ports import PortInUse
from pacs.supervisor import StartFailed, Supervisor
from storage.records import Records, Role

_USER = "demo"
_SCANNER = "DEMO_CT"


@click.command(short_help="Try it: sample studies and a login.")
@serve_options
@click.option("--once", is_flag=True, help="Stop when the studies have arrived, instead of running on.")
@click.pass_context
def demo(context: click.Context, /, once: bool, **values: Any) -> None:
    """Try Filmless: a fresh archive, sample studies sent over DICOM, and a login made for this run.

    Without --data the archive is temporary and goes away at the end. When a standard port is taken, a free one is used.
    """
    from pacs.requestor import AssociationFailed

    set_up_logging()
    settings = serve_settings(**values)
    chosen = context.get_parameter_source("data")
    temporary = chosen is not None and chosen.name == "DEFAULT"
    try:
        if temporary:
            with TemporaryDirectory(prefix="filmless-demo-", ignore_cleanup_errors=True) as folder:
                _run(_with_free_ports(replace(settings, data=Path(folder)), context), once)
        else:
            _run(_with_free_ports(settings, context), once)
    except (PortInUse, StartFailed, AssociationFailed) as e:
        click.echo(f"filmless: {e}", err=True)
        sys.exit(1)


def _run(settings: ServeSettings, once: bool) -> None:
    with DataLock(settings.data):
        password = _login(settings.data)
        supervisor = Supervisor(settings)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, supervisor.stop)
        try:
            supervisor.start()
            if not supervisor.stopping:
                _send_samples(settings)
                _print_welcome(settings, password)
        except BaseException:
            supervisor.shut_down()
            raise
        if once:
            supervisor.stop()
        supervisor.wait()


def _login(data: Path) -> str:
    """Make a user with a password of this run; known to nobody but who reads the terminal."""
    password = "-".join(secrets.token_hex(2) for _ in range(4))
    with Records.open(data) as records:
        if any(u.name == _USER for u in records.users.list()):
            records.users.set_password(_USER, password)
        else:
            records.users.add(_USER, Role.ADMIN, password)
    return password


def _send_samples(settings: ServeSettings) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from pacs.requestor import Node
    from pacs.sender import describe, send

    files = describe(sorted(sample_dicom.studies_folder().rglob("*.dcm")))
    node = Node(settings.aet, _reachable(settings.dicom_host), settings.dicom_port)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("sample studies, by C-STORE", total=len(files))
        for sent in send(node, _SCANNER, files):
            if not sent.ok:
                bar.console.print(f"{sent.path.name}: {sent.comment or sent.status}", markup=False)
            bar.advance(task)


def _print_welcome(settings: ServeSettings, password: str) -> None:
    scheme = "https" if settings.tls_certificate else "http"
    lines = (
        "",
        f"  Open in a browser   {scheme}://{_reachable(settings.http_host)}:{settings.http_port}/",
        f"  Login               {_USER}",
        f"  Password            {password}   (made for this run)",
        "",
        f"  For a scanner       AE title {settings.aet}, port {settings.dicom_port}, address {_own_address(settings)}",
        f"  Try it              dcmsend -aec {settings.aet} {_reachable(settings.dicom_host)} {settings.dicom_port}"
        " FILE.dcm",
        "",
        "  Not a medical device; not for primary diagnosis. Ctrl-C stops it.",
        "",
    )
    click.echo("\n".join(lines))


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def _own_address(settings: ServeSettings) -> str:
    """Return what a scanner in the same network would call this machine, as far as its own name tells."""
    if settings.dicom_host not in ("0.0.0.0", "::"):
        return settings.dicom_host
    try:
        address = socket.gethostbyname(socket.gethostname())
    except OSError:
        address = "127.0.0.1"
    return "of this computer" if address.startswith("127.") else address


def _with_free_ports(settings: ServeSettings, context: click.Context) -> ServeSettings:
    """Replace a standard port that is taken by a free one; a port that was asked for by name stays."""
    changes: dict[str, Any] = {}
    for name, host in (("dicom_port", settings.dicom_host), ("http_port", settings.http_host)):
        source = context.get_parameter_source(name)
        by_default = source is not None and source.name == "DEFAULT"
        if by_default and not _is_free(host, getattr(settings, name)):
            changes[name] = _free_port(host)
    return replace(settings, **changes)


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
