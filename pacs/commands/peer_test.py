"""`filmless peer test`: the same steps and words as the test in the interface."""

from __future__ import annotations

import locale
import sys
from pathlib import Path
from typing import Any

import click

from pacs.config import OWN_CERTIFICATE_OPTIONS, data_option, option, options, own_certificate
from pacs.logs import quiet_libraries
from storage.archive import Archive
from storage.records import Records
from storage.records.advice import LANGUAGES, advice, outcome_words, step_words
from storage.records.remote import PeerTestReport, StepReport
from storage.settings import ArchiveSettings

_REMEDY = ("What to do", "Cách xử lý")
_OFFERS = ("It offers", "Bên kia hỗ trợ")


@click.command("test")
@click.argument("name")
@click.option(
    "--store/--no-store", default=None, help="Send a test image, too. [default: for peers that may be sent images]"
)
@option("aet", default="FILMLESS", help="Own AE title.")
@option("language", type=click.Choice(LANGUAGES), default=None, show_default=False, help="[default: as the terminal]")
@data_option
@options(*OWN_CERTIFICATE_OPTIONS)
def peer_test(name: str, store: bool | None, aet: str, language: str | None, data: Path, **values: Any) -> None:
    """Connect to the node NAME, echo, query, store, and say what fails and what to change on which side."""
    # Here, since `filmless serve` needs none of it: its parts are programs of their own.
    from pacs.application import Application
    from pacs.remote import probe
    from pacs.remote.calls import Remote

    quiet_libraries()
    spoken = language or ("vi" if (locale.getlocale()[0] or "").startswith("vi") else "en")
    with Archive.open(ArchiveSettings(data)) as archive, Records.open(data) as records:
        peer = records.peers.get(name)
        application = Application(archive, records, aet, certificate=own_certificate(**values))
        wanted = probe.stores_by_default(peer) if store is None else store
        report = probe.examine(
            Remote(peer, aet, application.node_of), store=wanted, told=lambda so_far: _tell(so_far.steps[-1], spoken)
        )
    _conclude(report, spoken)


def _tell(step: StepReport, language: str) -> None:
    mark = {"ok": "+", "failed": "-", "not offered": " "}[step.outcome.value]
    click.echo(f"{mark} {step_words(step.step, language)}: {outcome_words(step.outcome, language)}")
    if step.problem is not None:
        words = advice(step.problem, language)
        click.echo(f"    {words.failed}\n    {_REMEDY[LANGUAGES.index(language)]}: {words.remedy}")


def _conclude(report: PeerTestReport, language: str) -> None:
    if report.offers:
        click.echo(f"{_OFFERS[LANGUAGES.index(language)]}: {', '.join(f'C-{one.upper()}' for one in report.offers)}")
    if not report.ok:
        sys.exit(1)
