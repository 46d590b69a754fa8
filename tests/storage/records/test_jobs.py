from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlite_utils import Database

from storage.errors import NotFound, WriteFailed
from storage.records import Job, JobItem, JobState, Lane, Records
from storage.records.jobs import Jobs
from storage.records.migrations import RECORDS


@pytest.fixture
def jobs(tmp_path: Path) -> Iterator[Jobs]:
    with Records.open(tmp_path) as records:
        yield records.jobs


def _claimed(jobs: Jobs, seconds: float = 30, now: float | None = None, lane: Lane | None = None) -> Job:
    job = jobs.claim(seconds, now, lane=lane)
    assert job is not None
    return job


def test_a_lease_that_is_renewed_lasts_and_one_that_is_not_ends(jobs: Jobs) -> None:
    jobs.add("a", "{}")
    now = time.time() + 1
    job = _claimed(jobs, 30, now)
    assert job.state is JobState.RUNNING
    jobs.renew([job], 30, now + 20)
    assert jobs.claim(30, now + 49) is None
    again = _claimed(jobs, 30, now + 51)
    assert (again.number, again.attempts) == (job.number, 2)


def test_a_worker_that_lost_its_lease_is_not_listened_to(jobs: Jobs) -> None:
    jobs.add("a", "{}")
    now = time.time() + 1
    late = _claimed(jobs, 10, now)
    new = _claimed(jobs, 10, now + 11)
    jobs.note(late, "late", [JobItem("1.2", True)])
    jobs.done(late.number, attempt=late.attempts)
    jobs.retry(late.number, now, "late", attempt=late.attempts)
    jobs.release(late)
    jobs.renew([late], 1000, now)
    found = jobs.get(new.number)
    assert (found.state, found.report, found.error, found.due_at) == (JobState.RUNNING, "", "", new.due_at)
    assert jobs.items(new.number, is_done=True) == []
    assert jobs.unwanted([late, new]) == {late.number}


def test_lanes_do_not_wait_for_each_other(jobs: Jobs) -> None:
    jobs.add("long", "{}", lane=Lane.TRANSFER)
    jobs.add("short", "{}", lane=Lane.INTERACTIVE)
    assert _claimed(jobs, lane=Lane.INTERACTIVE).kind == "short"
    assert jobs.claim(30, lane=Lane.INTERACTIVE) is None
    assert _claimed(jobs, lane=Lane.TRANSFER).kind == "long"


def test_one_node_does_not_get_more_than_its_share(jobs: Jobs) -> None:
    for peer in ("SLOW", "SLOW", "SLOW", "OTHER"):
        jobs.add("push", "{}", lane=Lane.TRANSFER, peer=peer)
    took = [jobs.claim(30, lane=Lane.TRANSFER, per_peer=2) for _ in range(4)]
    assert [job.peer for job in took if job] == ["SLOW", "SLOW", "OTHER"]
    assert took[0] is not None
    jobs.done(took[0].number)
    assert _claimed(jobs, lane=Lane.TRANSFER).peer == "SLOW"


def test_a_waiting_job_is_cancelled_at_once_and_a_running_one_by_its_worker(jobs: Jobs) -> None:
    first, second = jobs.add("a", "{}"), jobs.add("b", "{}")
    running = _claimed(jobs)
    jobs.cancel(first)
    jobs.cancel(second)
    assert jobs.get(second).state is JobState.CANCELLED
    assert jobs.get(first).state is JobState.RUNNING
    assert jobs.unwanted([running]) == {first}
    jobs.stopped(running)
    assert jobs.get(first).state is JobState.CANCELLED


def test_again_begins_anew_with_what_was_done_already(jobs: Jobs) -> None:
    number = jobs.add("a", "{}")
    job = _claimed(jobs)
    jobs.note(job, "half", [JobItem("1", True), JobItem("2", False, "no")])
    jobs.give_up(number, "enough")
    assert jobs.claim(30) is None
    jobs.again(number)
    again = _claimed(jobs)
    assert (again.attempts, again.error) == (1, "")
    assert jobs.items(number, is_done=True) == [JobItem("1", True)]
    assert jobs.items(number, is_done=False) == []


def test_a_released_job_has_not_been_tried(jobs: Jobs) -> None:
    jobs.add("a", "{}")
    jobs.release(_claimed(jobs))
    assert _claimed(jobs).attempts == 1


def test_what_a_query_found_is_forgotten_and_a_transfer_is_not(jobs: Jobs, tmp_path: Path) -> None:
    query, transfer = jobs.add("q", "{}", lane=Lane.INTERACTIVE), jobs.add("t", "{}", lane=Lane.TRANSFER)
    for number in (query, transfer):
        jobs.done(number)
    with sqlite3.connect(tmp_path / "records.sqlite3") as other:
        other.execute("UPDATE jobs SET ended_at = ended_at - 7200")
    other.close()
    jobs.add("next", "{}")
    assert jobs.get(transfer).state is JobState.DONE
    with pytest.raises(NotFound):
        jobs.get(query)


def test_jobs_of_an_earlier_version_are_still_done(tmp_path: Path) -> None:
    old = Database(tmp_path / "records.sqlite3")
    RECORDS.migrations().apply(old, stop_before="m009_remote_operations")
    old.execute("INSERT INTO jobs (kind, payload, state, due_at, created_at) VALUES ('k', '{}', 'waiting', 1, 'x')")
    old.conn.commit()
    old.close()
    with Records.open(tmp_path) as records:
        job = _claimed(records.jobs, lane=Lane.REPORT)
        assert (job.kind, job.payload, job.attempts) == ("k", "{}", 1)


def test_a_database_that_somebody_else_holds_is_an_error_of_the_archive(jobs: Jobs, tmp_path: Path) -> None:
    jobs._database.connection.execute("PRAGMA busy_timeout = 50")
    with sqlite3.connect(tmp_path / "records.sqlite3", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(WriteFailed, match="locked"):
            jobs.add("a", "{}")
        other.execute("ROLLBACK")
    other.close()
    assert jobs.add("a", "{}")


def test_what_was_cancelled_while_its_try_failed_is_not_put_off(jobs: Jobs) -> None:
    number = jobs.add("a", "{}")
    job = _claimed(jobs)
    jobs.cancel(number)
    jobs.retry(number, time.time() + 900, "the node does not answer", attempt=job.attempts)
    found = jobs.get(number)
    assert (found.state, found.error) == (JobState.CANCELLED, "")
    assert found.ended_at > 0
