"""Remote nodes: the list, adding, changing, removing and testing them."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from storage.errors import AlreadyExists
from storage.records import Event, Job, Peer
from storage.records.remote import Outcome, PeerTest, PeerTestReport, Problem, Step, StepReport, Trouble, from_json
from viewer import peer_form, remote
from viewer.peer_form import PeerForm
from viewer.permissions import Permission, needs
from viewer.services import records, services

bp = Blueprint("peers", __name__, url_prefix="/peers")


@bp.get("")
@needs(Permission.MANAGE_PEERS)
def index() -> str:
    """List all nodes, what they must enter for us, and what strangers may do."""
    return render_template(
        "peers.html", peers=records().peers.list(), own=remote.own_node(), settings=services().settings
    )


@bp.get("/add")
@needs(Permission.MANAGE_PEERS)
def new() -> str:
    """Show an empty form."""
    return _form(peer_form.of_peer(), None)


@bp.post("/add")
@needs(Permission.MANAGE_PEERS)
def add() -> str | Response:
    """Add a node, and go on to its test."""
    form = peer_form.read(request.form)
    if not form.problems:
        try:
            added = records().peers.add(form.peer())
        except AlreadyExists:
            form = _taken(form, None)
        else:
            remote.note(Event.ADD_PEER, _described(added))
            return redirect(url_for("peers.test", name=added.name), 303)
    return _form(form, None)


@bp.get("/change")
@needs(Permission.MANAGE_PEERS)
def edit() -> str:
    """Show a node's form."""
    peer = remote.peer_of(request.args.get("name"))
    return _form(peer_form.of_peer(peer), peer)


@bp.post("/change")
@needs(Permission.MANAGE_PEERS)
def change() -> str | Response:
    """Change a node."""
    peer = remote.peer_of(request.args.get("name"))
    form = peer_form.read(request.form)
    if not form.problems:
        try:
            changed = records().peers.change(peer.name, form.peer())
        except AlreadyExists:
            form = _taken(form, peer)
        else:
            remote.note(Event.CHANGE_PEER, f"{_described(peer)} → {_described(changed)}")
            return redirect(url_for("peers.index"), 303)
    return _form(form, peer)


@bp.post("/remove")
@needs(Permission.MANAGE_PEERS)
def remove() -> Response:
    """Forget a node."""
    peer = remote.peer_of(request.args.get("name"))
    records().peers.remove(peer.name)
    remote.note(Event.REMOVE_PEER, _described(peer))
    return redirect(url_for("peers.index"), 303)


@bp.get("/test")
@needs(Permission.MANAGE_PEERS)
def test() -> str:
    """Show the test of a node, and what it found when one was asked for."""
    peer = remote.peer_of(request.args.get("name"))
    job = remote.job_of(PeerTest, request.args.get("job", type=int))
    job = remote.settled(job) if job else None
    return render_template("peer_test.html", peer=peer, job=job, own=remote.own_node(), **_result(job))


@bp.post("/test")
@needs(Permission.MANAGE_PEERS)
def start_test() -> Response:
    """Ask for a test."""
    peer = remote.peer_of(request.args.get("name"))
    number = remote.ask(PeerTest(peer.aet, store="store" in request.form))
    return redirect(url_for("peers.test", name=peer.name, job=number), 303)


@bp.get("/test/<int:number>")
@needs(Permission.MANAGE_PEERS)
def test_result(number: int) -> str:
    """Return what a test has found so far, for a page that is open."""
    job = remote.job_of(PeerTest, number)
    return render_template("peer_test_result.html", job=job, **_result(job))


def _result(job: Job | None) -> dict[str, object]:
    """Return the steps of a test: those taken, the one under way, and those to come."""
    if job is None:
        return {"steps": [], "offers": (), "asked": None}
    asked = from_json(PeerTest, job.payload)
    report = remote.report_of(job, PeerTestReport) or PeerTestReport()
    if not job.state.is_open and not report.steps:
        report = PeerTestReport((_never_began(job),))
    wanted = [step for step in Step if step is not Step.STORE or asked.store]
    taken = {step.step: step for step in report.steps}
    steps = [(step, taken.get(step)) for step in wanted]
    if not job.state.is_open:
        steps = [(step, found) for step, found in steps if found is not None]
    return {"steps": steps, "offers": report.offers, "asked": asked, "words": remote.words, **remote.test_words()}


def _never_began(job: Job) -> StepReport:
    kinds = {trouble.value: trouble for trouble in Trouble}
    trouble = kinds.get(job.error.partition(":")[0], Trouble.INTERNAL)
    return StepReport(Step.CONNECT, Outcome.FAILED, 0.0, Problem(trouble, {"comment": job.error, "aet": job.peer}))


def _form(form: PeerForm, peer: Peer | None) -> str:
    return render_template("peer_form.html", form=form, peer=peer)


def _taken(form: PeerForm, peer: Peer | None) -> PeerForm:
    """Say which of name and AE title is another node's."""
    others = [other for other in records().peers.list() if peer is None or other.name != peer.name]
    taken = gettext("Another peer has this already.")
    if any(other.aet == form.texts["aet"] for other in others):
        form = form.with_problem("aet", taken)
    if any(other.name.casefold() == form.texts["name"].casefold() for other in others) or not form.problems:
        form = form.with_problem("name", taken)
    return form


def _described(peer: Peer) -> str:
    rights = (
        ("query", peer.may_query), ("retrieve", peer.may_retrieve), ("reject", peer.may_reject), ("tls", peer.tls)
    )  # fmt: skip
    return f"{peer.name}: {peer.aet} {peer.host}:{peer.port} {','.join(n for n, may in rights if may)}".strip()
