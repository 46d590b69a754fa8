"""Rejected objects are removed when their time is over, and not before."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pacs.retention import Retention
from storage.archive import Archive
from storage.errors import WriteFailed
from storage.records import Records
from storage.rejection import Reason, Target
from tests.support.objects import STUDY, ct, store


@pytest.fixture
def rejected(archive: Archive) -> Archive:
    """An archive whose only study was rejected just now."""
    store(archive, ct())
    archive.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
    return archive


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    with Records.open(tmp_path / "records") as opened:
        yield opened


def test_after_the_days_it_is_removed(rejected: Archive, records: Records) -> None:
    retention = Retention(rejected, records, 30, threading.Event())
    assert retention.look(datetime.now(UTC) + timedelta(days=29, hours=23)) == 0
    assert retention.look(datetime.now(UTC) + timedelta(days=30, hours=1)) == 1
    assert rejected.rejections.count() == 0


def test_zero_days_keep_everything(rejected: Archive, records: Records) -> None:
    Retention(rejected, records, 0, threading.Event()).run()
    assert rejected.rejections.count() == 1


def test_it_stops_when_it_is_told(rejected: Archive, records: Records) -> None:
    stopping = threading.Event()
    retention = Retention(rejected, records, 30, stopping)
    retention.start()
    stopping.set()
    retention.join(10)
    assert not retention.is_alive()


def test_a_disk_that_refuses_is_logged_and_tried_again(
    rejected: Archive, records: Records, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(moment: datetime, told: object) -> list[object]:
        raise WriteFailed("the disk refuses")

    with monkeypatch.context() as patch:
        patch.setattr(rejected.rejections, "remove_older_than", refuse)
        assert Retention(rejected, records, 1, threading.Event()).look(datetime.now(UTC)) == 0
    assert "the disk refuses" in caplog.text


def test_what_is_gone_for_good_is_in_the_audit(rejected: Archive, records: Records) -> None:
    (rejection,) = rejected.rejections.page(1)
    Retention(rejected, records, 30, threading.Event()).look(datetime.now(UTC) + timedelta(days=31))
    (entry,) = records.audit.entries(9)
    assert (entry.event, entry.who, entry.study_instance_uid) == ("remove", "Filmless", STUDY)
    assert entry.detail.startswith(f"1 objects, {rejection.identifier}")
    assert "30 days" in entry.detail
