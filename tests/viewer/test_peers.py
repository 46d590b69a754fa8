"""The pages of remote nodes, without a worker: what they ask for, what they show of its answers, who may."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from storage.archive import Archive
from storage.records import Job, JobItem, Lane, Peer, Records, Role, Session
from storage.records.remote import (
    How,
    Outcome,
    PeerTest,
    PeerTestReport,
    Phase,
    Problem,
    Pull,
    Push,
    QueryReport,
    RemoteQuery,
    RemoteStudy,
    Step,
    StepReport,
    TransferReport,
    Trouble,
    from_json,
    to_json,
)
from tests.support.objects import INSTANCE, STUDY, ct, store
from viewer.services import attach, services_of

HTML = {"Accept": "text/html", "Accept-Language": "en"}
FIELDS = {"name": "Reader 1", "aet": "READER1", "host": "10.0.0.5", "port": "104", "may_query": "on"}
PEER = Peer("Kho cũ", "OLD", "10.0.0.9", 11112)


@pytest.fixture
def records(app: Flask) -> Records:
    return services_of(app).records


@pytest.fixture
def admin(sign_in: Callable[[Role], FlaskClient]) -> FlaskClient:
    return sign_in(Role.ADMIN)


@pytest.fixture
def old(records: Records) -> Peer:
    return records.peers.add(PEER)


def _get(client: FlaskClient, path: str) -> str:
    answer = client.get(path, headers=HTML)
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


def _post(
    client: FlaskClient, path: str, fields: dict[str, str] | None = None, *, of: str = "/peers"
) -> tuple[int, str]:
    """Send a form with the token of a page."""
    token = re.search(r'name="csrf_token" value="(\w+)"', client.get(of, headers=HTML).text)
    assert token
    answer = client.post(path, data={**(fields or {}), "csrf_token": token[1]}, headers=HTML)
    return answer.status_code, html.unescape(answer.text) if answer.status_code != 303 else answer.location


def _claimed(records: Records, lane: Lane) -> Job:
    job = records.jobs.claim(60, lane=lane)
    assert job is not None
    return job


def _audited(records: Records) -> list[str]:
    return [entry.event for entry in records.audit.entries(20) if entry.event != "sign-in"]


def test_only_an_administrator_manages_peers_and_a_clinician_asks_nobody(
    sign_in: Callable[[Role], FlaskClient], old: Peer
) -> None:
    expected = {
        Role.ADMIN: (200, 200, 200),
        Role.RADIOLOGIST: (403, 200, 200),
        Role.TECHNICIAN: (403, 200, 200),
        Role.CLINICIAN: (403, 403, 403),
    }
    for role, statuses in expected.items():
        client = sign_in(role)
        found = tuple(client.get(path, headers=HTML).status_code for path in ("/peers", "/remote", "/transfers"))
        assert found == statuses, role
        assert ("/peers" in client.get("/", headers=HTML).text) == (role is Role.ADMIN)


def test_a_peer_is_added_changed_and_removed_and_each_is_audited(admin: FlaskClient, records: Records) -> None:
    assert _post(admin, "/peers/add", FIELDS) == (303, "/peers/test?name=Reader+1")
    assert records.peers.list() == [Peer("Reader 1", "READER1", "10.0.0.5", 104, may_retrieve=False, tls_verify=False)]
    changed = {**FIELDS, "port": "11112", "tls": "on", "tls_verify": "on", "asks_commitment": "on", "may_reject": "on"}
    assert _post(admin, "/peers/change?name=Reader+1", changed) == (303, "/peers")
    (peer,) = records.peers.list()
    assert (peer.port, peer.tls, peer.asks_commitment, peer.may_reject) == (11112, True, True, True)
    page = _get(admin, "/peers")
    assert "READER1" in page
    assert "TLS" in page
    assert _post(admin, "/peers/remove?name=Reader+1") == (303, "/peers")
    assert records.peers.list() == []
    assert _audited(records) == ["remove peer", "change peer", "add peer"]
    assert "READER1 10.0.0.5:104" in records.audit.entries(1)[0].detail or records.audit.entries(1)[0].detail


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("name", "", "1 to 64 characters"),
        ("aet", "TOO LONG FOR AN AE TITLE", "1 to 16 letters"),
        ("host", "ten words", "without spaces"),
        ("port", "70000", "from 1 to 65535"),
        ("port", "١٢", "from 1 to 65535"),
        ("tls_authorities", "nonsense", "PEM"),
        ("aet", "OLD", "Another peer has this"),
        ("name", "KHO Cũ", "Another peer has this"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_lost(
    admin: FlaskClient, records: Records, old: Peer, field: str, value: str, words: str
) -> None:
    status, page = _post(admin, "/peers/add", {**FIELDS, field: value})
    assert status == 200
    assert words in page
    assert "10.0.0.5" in page or field == "host"
    assert records.peers.list() == [old]


def test_what_the_other_side_must_enter_and_what_strangers_may(admin: FlaskClient) -> None:
    page = _get(admin, "/peers")
    for words in ("TESTAET", "localhost", "may echo and send images", "may not query or retrieve"):
        assert words in page


def test_strangers_may_nothing_where_it_is_set_so(app: Flask, admin: FlaskClient) -> None:
    kept = services_of(app)
    attach(app, replace(kept, settings=replace(kept.settings, takes_unknown_callers=False)))
    page = _get(admin, "/peers")
    assert "may not even connect" in page
    assert "may echo and send images" not in page


def test_the_port_for_tls_is_told_where_there_is_one(app: Flask, admin: FlaskClient) -> None:
    assert "Port for TLS" not in _get(admin, "/peers")
    kept = services_of(app)
    attach(app, replace(kept, settings=replace(kept.settings, dicom_tls_port=2762)))
    assert "2762" in _get(admin, "/peers")


def test_a_test_is_asked_for_and_its_steps_are_told(admin: FlaskClient, records: Records, old: Peer) -> None:
    status, where = _post(admin, "/peers/test?name=Kho+c%C5%A9", {"store": "on"})
    assert status == 303
    job = _claimed(records, Lane.INTERACTIVE)
    assert from_json(PeerTest, job.payload) == PeerTest("OLD", store=True)
    assert "data-watch" in _get(admin, where)
    facts = {"aet": "OLD", "own_aet": "TESTAET", "host": "10.0.0.9", "port": "11112"}
    report = PeerTestReport(
        (
            StepReport(Step.CONNECT, Outcome.OK, 0.01),
            StepReport(Step.ECHO, Outcome.FAILED, 0.01, Problem(Trouble.CALLING_AET, facts)),
        ),
        ("echo",),
    )
    records.jobs.note(job, to_json(report))
    part = _get(admin, f"/peers/test/{job.number}")
    assert "data-open" in part
    assert "our AE title TESTAET is not recognised" in part
    records.jobs.done(job.number)
    part = _get(admin, f"/peers/test/{job.number}")
    assert "data-open" not in part
    assert "The connection works" not in part
    admin.set_cookie("filmless_language", "vi")
    assert "Bên kia không biết chúng ta" in _get(admin, f"/peers/test/{job.number}")
    assert "test peer" in _audited(records)


@pytest.mark.parametrize(
    ("first", "last", "words"),
    [("31/02/2026", "", "This is not a date"), ("02/01/2026", "2026-01-01", "This day is before the first one")],
)
def test_nobody_is_asked_for_days_that_are_none(
    admin: FlaskClient, records: Records, old: Peer, first: str, last: str, words: str
) -> None:
    fields = {"peer": old.name, "name": "Hoa", "from": first, "to": last}
    status, page = _post(admin, "/remote", fields, of="/remote")
    assert status == 200
    assert words in page
    assert f'value="{first}"' in page
    assert 'value="Hoa"' in page
    assert records.jobs.claim(60, lane=Lane.INTERACTIVE) is None


def test_a_query_shows_what_is_here_and_its_studies_can_be_fetched(
    client: FlaskClient, records: Records, archive: Archive, old: Peer
) -> None:
    store(archive, ct())
    fields = {"peer": "Kho cũ", "name": " Nguyễn  đức ", "from": "1/1/26", "modality": "CT", "id": "a\\b"}
    status, where = _post(client, "/remote", fields, of="/remote")
    assert status == 303
    job = _claimed(records, Lane.INTERACTIVE)
    assert from_json(RemoteQuery, job.payload) == RemoteQuery("OLD", "Nguyễn đức", "a b", "", "20260101", "", "CT")
    studies = (
        RemoteStudy(STUDY, "A^B", "BN001", study_date="20260131", number_of_instances=3),
        RemoteStudy("1.2.3", "C^<D>", "BN002", number_of_instances=7, modalities=("MR",)),
        RemoteStudy("1.2.4", "E", "BN003"),
    )
    records.jobs.note(job, to_json(QueryReport(studies, is_cut=True)))
    records.jobs.done(job.number)
    page = _get(client, where)
    assert "1 of 3" in page
    assert "there are more" in page
    assert 'value="Nguyễn đức"' in page
    assert 'value="01/01/2026"' in page
    assert "<D>" not in client.get(where, headers=HTML).text

    fetch = {"job": str(job.number), "study": "1.2.3", "how": "move"}
    assert _post(client, "/remote/pull", fetch, of=where)[0] == 303
    pull = _claimed(records, Lane.TRANSFER)
    assert from_json(Pull, pull.payload) == Pull("OLD", "1.2.3", How.MOVE, "C <D>")
    assert pull.asked_by == "radiologist"
    assert _audited(records)[:2] == ["pull study", "query peer"]
    assert records.audit.entries(1)[0].study_instance_uid == "1.2.3"
    assert "<progress" in _get(client, where)


def test_a_query_that_fails_says_why_and_one_that_is_forgotten_too(
    client: FlaskClient, records: Records, old: Peer
) -> None:
    _, where = _post(client, "/remote", {"peer": "Kho cũ"}, of="/remote")
    job = _claimed(records, Lane.INTERACTIVE)
    records.jobs.note(job, to_json(QueryReport(problem=Problem(Trouble.REFUSED, {"host": "h", "port": "104"}))))
    records.jobs.give_up(job.number, "x")
    assert "nothing listens on port 104" in _get(client, where)
    assert "too long ago" in _get(client, "/remote/999999")
    assert client.get("/remote?job=99999999999999999999999", headers=HTML).status_code == 200


def test_a_study_is_sent_and_its_transfer_watched_cancelled_and_repeated(
    client: FlaskClient, records: Records, archive: Archive, old: Peer
) -> None:
    store(archive, ct())
    records.peers.add(Peer("Scanner", "CT1", "10.0.0.3", 104, may_retrieve=False))
    page = _get(client, f"/send?study={STUDY}")
    assert "Nguyễn Văn Đức" in page
    assert "Scanner" not in page
    assert _post(client, "/send", {"study": STUDY, "peer": "Scanner"}, of=f"/send?study={STUDY}")[0] == 404
    assert _post(client, "/send", {"study": STUDY, "peer": "Kho cũ"}, of=f"/send?study={STUDY}") == (303, "/transfers")
    job = _claimed(records, Lane.TRANSFER)
    title = "Nguyễn Văn Đức · 31/01/2026 · CT ngực"
    assert from_json(Push, job.payload) == Push("OLD", STUDY, title)
    report = TransferReport(Phase.TRANSFERRING, 10, 3, 2, 1, "C-STORE")
    records.jobs.note(job, to_json(report), [JobItem(INSTANCE, False, "out of resources\tA700H\tdisk full")])
    rows = _get(client, "/transfers/rows")
    for words in (title, "5 of 10 images", "2 were there already", "1 failed", "to Kho cũ", "Transferring"):
        assert words in rows
    one = _get(client, f"/transfers/{job.number}")
    assert INSTANCE in one
    assert "out of resources (A700H disk full)" in one

    assert _post(client, f"/transfers/{job.number}/cancel", of=f"/transfers/{job.number}")[0] == 303
    assert "Stopping" in _get(client, "/transfers/rows")
    records.jobs.stopped(job)
    part = _get(client, f"/transfers/{job.number}/part")
    assert "Cancelled" in part
    assert "data-open" not in part
    assert _post(client, f"/transfers/{job.number}/again", of=f"/transfers/{job.number}")[0] == 303
    assert _claimed(records, Lane.TRANSFER).number == job.number
    assert _audited(records)[:3] == ["repeat transfer", "cancel transfer", "push study"]


def test_a_transfer_that_waits_for_its_next_try_says_why(client: FlaskClient, records: Records, old: Peer) -> None:
    number = records.jobs.add("push study", to_json(Push("OLD", "1.2", "T")), lane=Lane.TRANSFER, peer="OLD")
    job = _claimed(records, Lane.TRANSFER)
    problem = Problem(Trouble.BUSY, {"comment": "local limit"})
    records.jobs.note(job, to_json(TransferReport(total=4, problem=problem)))
    records.jobs.retry(number, 1e11, "busy")
    assert "Trying again in" in _get(client, "/transfers/rows")
    part = _get(client, f"/transfers/{number}/part")
    assert "too many associations open" in part
    assert "data-open" in part


def test_a_page_that_is_only_left_open_does_not_keep_the_session(
    client: FlaskClient, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched: list[bool] = []
    find = records.sessions.find

    def watched(token: str, now: float | None = None, *, touch: bool = True) -> Session | None:
        touched.append(touch)
        return find(token, now, touch=touch)

    monkeypatch.setattr(records.sessions, "find", watched)
    assert client.get("/transfers/rows", headers={**HTML, "X-Watching": "1"}).status_code == 200
    assert client.get("/transfers", headers=HTML).status_code == 200
    assert touched == [False, True]


def test_other_jobs_are_no_transfers(client: FlaskClient, records: Records) -> None:
    number = records.jobs.add("storage commitment", "{}")
    assert client.get(f"/transfers/{number}", headers=HTML).status_code == 404
    assert client.get("/transfers/4444", headers=HTML).status_code == 404


def test_without_peers_pages_say_what_to_do(client: FlaskClient, archive: Archive) -> None:
    store(archive, ct())
    assert "nobody to ask" in _get(client, "/remote")
    assert "no peer that may be sent images" in _get(client, f"/send?study={STUDY}")
    assert "Nothing was transferred yet" in _get(client, "/transfers")
