"""Requests to remote nodes: written as jobs, which the job worker carries out, and read back as reports."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from flask import request

from storage.errors import NotFound
from storage.names import display as person_name
from storage.records import Event, Job, JobState, Lane, Peer
from storage.records.advice import Advice, advice, outcome_words, step_words
from storage.records.remote import (
    KINDS,
    Confirm,
    PeerTest,
    Problem,
    Pull,
    Push,
    RemoteQuery,
    TransferReport,
    Trouble,
    from_json,
    to_json,
)
from viewer import auth, display, language
from viewer.services import records, services

Request = PeerTest | RemoteQuery | Pull | Push
Report = TypeVar("Report")

_LANES = {PeerTest: Lane.INTERACTIVE, RemoteQuery: Lane.INTERACTIVE, Pull: Lane.TRANSFER, Push: Lane.TRANSFER}
_EVENTS = {
    PeerTest: Event.TEST_PEER,
    RemoteQuery: Event.QUERY_PEER,
    Pull: Event.PULL_STUDY,
    Push: Event.PUSH_STUDY,
}
SETTLE_SECONDS = 0.25
_LOOK_SECONDS = 0.015
_LOCAL_HOSTS = ("0.0.0.0", "::", "127.0.0.1", "::1", "localhost", "")


@dataclass(frozen=True, slots=True)
class OwnNode:
    """What another node has to know of us."""

    aet: str
    host: str
    port: int
    tls_port: int
    """0 without TLS."""


def own_node() -> OwnNode:
    """Return our AE title, host and port as other nodes reach us; the host is what the browser reached us by."""
    settings = services().settings
    host = request.host.rsplit(":", 1)[0].strip("[]") if settings.dicom_host in _LOCAL_HOSTS else settings.dicom_host
    return OwnNode(settings.aet, host, settings.dicom_port, settings.dicom_tls_port)


def ask(asked: Request) -> int:
    """Write a request as a job, and who asked into the audit; return the job's number."""
    who = auth.signed_in()
    lane = _LANES[type(asked)]
    number = records().jobs.add(KINDS[type(asked)], to_json(asked), lane=lane, peer=asked.peer, asked_by=who.name)
    study = getattr(asked, "study_instance_uid", "")
    note(_EVENTS[type(asked)], _detail(asked), study)
    return number


def note(event: Event, detail: str, study_instance_uid: str = "") -> None:
    """Write into the audit what the present person did."""
    who = auth.signed_in()
    records().audit.record(
        event, who=who.name, means=who.means.value, study_instance_uid=study_instance_uid, address=auth.address(),
        detail=detail,
    )  # fmt: skip


def _detail(asked: Request) -> str:
    if isinstance(asked, RemoteQuery):
        keys = (asked.patient_name, asked.patient_id, asked.accession_number, asked.first, asked.last, asked.modality)
        return " ".join((asked.peer, *filter(None, keys)))
    return asked.peer


def job_of(kind: type[Request], number: int | None) -> Job | None:
    """Return a job of a kind; None for no number, another kind, or one that is forgotten already."""
    if number is None or not 0 <= number < 1 << 62:
        return None
    try:
        job = records().jobs.get(number)
    except NotFound:
        return None
    return job if job.kind == KINDS[kind] else None


def settled(job: Job, seconds: float = SETTLE_SECONDS) -> Job:
    """Wait a moment for a job to end, so that a quick answer is there with the page; return how it stands then."""
    deadline = time.monotonic() + seconds
    while job.state.is_open and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
        job = records().jobs.get(job.number)
    return job


def report_of(job: Job, kind: type[Report]) -> Report | None:
    """Return a job's report; None while there is none."""
    return from_json(kind, job.report) if job.report else None


def words(problem: Problem) -> Advice:
    """Return what failed and what to change, in the person's language."""
    return advice(problem, language.current())


def test_words() -> dict[str, Callable[..., str]]:
    """Return what templates call the steps of a test and their outcomes."""
    spoken = language.current()
    return {
        "step_words": lambda step: step_words(step, spoken),
        "outcome_words": lambda outcome: outcome_words(outcome, spoken),
    }


def reason(text: str) -> str:
    """Return why one object of a transfer failed, in the person's language."""
    trouble, status, comment = (*text.split("\t", 2), "", "")[:3]
    try:
        return words(Problem(Trouble(trouble), {"status": status, "comment": comment, "count": "1"})).failed
    except ValueError:
        return text


def title_of(name: str, study_date: str, description: str) -> str:
    """Return what people call a study."""
    return " · ".join(filter(None, (person_name(name), display.date(study_date), description)))[:200]


def peer_names() -> dict[str, str]:
    """Return the names of peers by AE title."""
    return {peer.aet: peer.name for peer in records().peers.list()}


def peer_of(name: str | None) -> Peer:
    """Return a peer by its name; `NotFound` for no such one."""
    return records().peers.get(name or "")


@dataclass(frozen=True, slots=True)
class Row:
    """One transfer as the list shows it."""

    job: Job
    asked: Pull | Push | Confirm
    report: TransferReport
    peer_name: str

    @property
    def is_pull(self) -> bool:
        """It comes to us."""
        return isinstance(self.asked, Pull)

    @property
    def is_confirmation(self) -> bool:
        """The node is asked whether it keeps what it was sent (storage commitment)."""
        return isinstance(self.asked, Confirm)

    @property
    def is_put_off(self) -> bool:
        """It failed and is tried again later."""
        return self.job.state is JobState.WAITING and self.job.attempts > 0

    @property
    def seconds_left(self) -> int:
        """Until it is tried again."""
        return max(0, round(self.job.due_at - time.time()))


def row(job: Job, names: dict[str, str]) -> Row | None:
    """Return a job as a row of the list; None for one that is no transfer."""
    kinds: dict[str, type[Pull] | type[Push] | type[Confirm]] = {KINDS[k]: k for k in (Pull, Push, Confirm)}
    kind = kinds.get(job.kind)
    if kind is None:
        return None
    report = report_of(job, TransferReport) or TransferReport()
    return Row(job, from_json(kind, job.payload), report, names.get(job.peer, job.peer))
