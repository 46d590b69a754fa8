"""Transfers: sending a study, the list of what goes on and went on, cancelling and trying again."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from storage.errors import NotFound
from storage.records import Event, Lane
from storage.records.remote import Push
from viewer import remote
from viewer.permissions import Permission, needs
from viewer.remote import Row
from viewer.security import safe_next
from viewer.services import archive, records

PAGE_SIZE = 50
FAILURES_SHOWN = 200

bp = Blueprint("transfers", __name__)


@bp.get("/send")
@needs(Permission.USE_PEERS)
def choose() -> str:
    """Show a study and the nodes that it may be sent to."""
    study = archive().study(request.args.get("study", ""))
    peers = [peer for peer in records().peers.list() if peer.may_retrieve]
    return render_template("send.html", study=study, peers=peers, chosen=request.args.get("peer"))


@bp.post("/send")
@needs(Permission.USE_PEERS)
def send() -> Response:
    """Send a study."""
    study = archive().study(request.form.get("study", ""))
    peer = remote.peer_of(request.form.get("peer"))
    if not peer.may_retrieve:
        raise NotFound(f"{peer.name} may not be sent objects")
    title = remote.title_of(study.patient_name, study.study_date, study.study_description)
    remote.ask(Push(peer.aet, study.study_instance_uid, title))
    return redirect(url_for("transfers.index"), 303)


@bp.get("/transfers")
@needs(Permission.USE_PEERS)
def index() -> str:
    """List transfers, the newest first."""
    page = max(1, min(request.args.get("page", 1, type=int) or 1, 10_000))
    total = records().jobs.count(Lane.TRANSFER)
    return render_template("transfers.html", rows=_rows(page), page=page, pages=max(1, -(-total // PAGE_SIZE)))


@bp.get("/transfers/rows")
@needs(Permission.USE_PEERS)
def rows() -> str:
    """Return the table alone, for a page that is open."""
    page = max(1, min(request.args.get("page", 1, type=int) or 1, 10_000))
    return render_template("transfer_rows.html", rows=_rows(page), page=page)


@bp.get("/transfers/<int:number>")
@needs(Permission.USE_PEERS)
def show(number: int) -> str:
    """Show one transfer with the objects that failed."""
    return render_template("transfer.html", **_one(number))


@bp.get("/transfers/<int:number>/part")
@needs(Permission.USE_PEERS)
def part(number: int) -> str:
    """Return the changing part of one transfer."""
    return render_template("transfer_part.html", **_one(number))


@bp.post("/transfers/<int:number>/cancel")
@needs(Permission.USE_PEERS)
def cancel(number: int) -> Response:
    """Have a transfer end; what was transferred stays."""
    found = _row(number)
    records().jobs.cancel(number)
    remote.note(Event.CANCEL_TRANSFER, f"{number} {found.job.peer}", found.asked.study_instance_uid)
    return _back(number)


@bp.post("/transfers/<int:number>/again")
@needs(Permission.USE_PEERS)
def again(number: int) -> Response:
    """Have a transfer tried again, now."""
    found = _row(number)
    records().jobs.again(number)
    remote.note(Event.REPEAT_TRANSFER, f"{number} {found.job.peer}", found.asked.study_instance_uid)
    return _back(number)


def _back(number: int) -> Response:
    return redirect(safe_next(request.form.get("next") or url_for("transfers.show", number=number)), 303)


def _row(number: int) -> Row:
    found = remote.row(records().jobs.get(number), remote.peer_names())
    if found is None:
        raise NotFound(f"no transfer {number}")
    return found


def _rows(page: int) -> list[Row]:
    names = remote.peer_names()
    jobs = records().jobs.list(PAGE_SIZE, (page - 1) * PAGE_SIZE, lane=Lane.TRANSFER)
    return [found for job in jobs if (found := remote.row(job, names))]


def _one(number: int) -> dict[str, object]:
    row = _row(number)
    failed = records().jobs.items(number, is_done=False, limit=FAILURES_SHOWN)
    return {
        "row": row,
        "failures": [(item.item, remote.reason(item.reason)) for item in failed],
        "words": remote.words,
    }
