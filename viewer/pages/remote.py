"""Studies on remote nodes: queries, and pulling what they find."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from storage.errors import NotFound
from storage.records import Job, Lane
from storage.records.remote import (
    How,
    Problem,
    Pull,
    QueryReport,
    RemoteQuery,
    RemoteStudy,
    Trouble,
    from_json,
)
from storage.uid import is_valid
from viewer import remote
from viewer.day_fields import DayField, day_fields
from viewer.permissions import Permission, needs
from viewer.remote import Row
from viewer.services import archive, records

MODALITIES = ("CT", "MR", "DX", "CR", "US", "MG", "XA", "RF", "NM", "PT", "ES", "OT")
TRANSFERS_LOOKED_AT = 500
_TEXT_MAX = 64

bp = Blueprint("remote", __name__, url_prefix="/remote")


@dataclass(frozen=True, slots=True)
class Found:
    """A study there, how much of it is here, and its newest transfer."""

    study: RemoteStudy
    here: int
    transfer: Row | None

    @property
    def is_whole(self) -> bool:
        """All of it is here, as far as the node tells."""
        there = self.study.number_of_instances
        return self.here > 0 and (there is None or self.here >= there)


@bp.get("")
@needs(Permission.USE_PEERS)
def index() -> str:
    """Show the form, and what a query found."""
    job = remote.job_of(RemoteQuery, request.args.get("job", type=int))
    job = remote.settled(job) if job else None
    asked = from_json(RemoteQuery, job.payload) if job else RemoteQuery(_chosen())
    return _page(asked, day_fields(asked.first, asked.last), job)


def _page(asked: RemoteQuery, days: tuple[DayField, DayField], job: Job | None) -> str:
    return render_template(
        "remote.html", peers=records().peers.list(), asked=asked, modalities=MODALITIES, own=remote.own_node(),
        days=days, **_result(job),
    )  # fmt: skip


@bp.post("")
@needs(Permission.USE_PEERS)
def ask() -> Response | str:
    """Ask a node; nobody is asked for dates that cannot be understood."""
    form = request.form
    peer = remote.peer_of(form.get("peer"))
    days = day_fields(form.get("from", ""), form.get("to", ""))
    first, last = (f"{field.day:%Y%m%d}" if field.day else "" for field in days)
    asked = RemoteQuery(
        peer.aet, _text("name"), _text("id"), _text("accession"), first, last,
        form.get("modality", "") if form.get("modality") in MODALITIES else "",
    )  # fmt: skip
    if any(field.problem for field in days):
        return _page(asked, days, None)
    return redirect(url_for("remote.index", job=remote.ask(asked)), 303)


@bp.get("/<int:number>")
@needs(Permission.USE_PEERS)
def result(number: int) -> str:
    """Return what a query found, for a page that is open."""
    return render_template("remote_rows.html", **_result(remote.job_of(RemoteQuery, number)))


@bp.post("/pull")
@needs(Permission.USE_PEERS)
def pull() -> Response:
    """Pull a study that a query found."""
    form = request.form
    job = remote.job_of(RemoteQuery, form.get("job", type=int))
    uid = form.get("study", "")
    if job is None or not is_valid(uid):
        raise BadRequest
    report = remote.report_of(job, QueryReport) or QueryReport()
    known = next((s for s in report.studies if s.study_instance_uid == uid), RemoteStudy(uid))
    title = remote.title_of(known.patient_name, known.study_date, known.study_description)
    how = form.get("how", "")
    how = how if how in {one.value for one in How} else How.AUTOMATIC.value
    remote.ask(Pull(from_json(RemoteQuery, job.payload).peer, uid, How(how), title))
    return redirect(url_for("remote.index", job=job.number), 303)


def _chosen() -> str:
    """Return the AE title of the peer that a link names, else of the only one there is."""
    name = request.args.get("peer")
    peers = records().peers.list()
    chosen = [peer.aet for peer in peers if peer.name == name] or [peer.aet for peer in peers if len(peers) == 1]
    return chosen[0] if chosen else ""


def _text(name: str) -> str:
    # A backslash separates values (PS3.5 6.2); control characters are in no value.
    typed = "".join(c if c.isprintable() and c != "\\" else " " for c in request.form.get(name, ""))
    return " ".join(typed.split())[:_TEXT_MAX]


def _result(job: Job | None) -> dict[str, object]:
    if job is None:
        return {"job": None, "found": [], "report": None, "problem": None}
    report = remote.report_of(job, QueryReport)
    problem = report.problem if report else None
    if report is None and not job.state.is_open:
        problem = Problem(Trouble.INTERNAL, {"comment": job.error})
    transfers = _transfers(job.peer)
    found = [
        Found(s, _here(s.study_instance_uid), transfers.get(s.study_instance_uid))
        for s in (report.studies if report else ())
    ]
    return {"job": job, "found": found, "report": report, "problem": problem and remote.words(problem)}


def _here(study_instance_uid: str) -> int:
    try:
        return archive().study(study_instance_uid).number_of_instances
    except NotFound:
        return 0


def _transfers(aet: str) -> dict[str, Row]:
    """Return the newest pull of each study from a node."""
    found: dict[str, Row] = {}
    names = remote.peer_names()
    for job in records().jobs.list(TRANSFERS_LOOKED_AT, lane=Lane.TRANSFER):
        row = remote.row(job, names) if job.peer == aet else None
        if row is not None and row.is_pull:
            found.setdefault(row.asked.study_instance_uid, row)
    return found
