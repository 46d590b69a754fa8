"""Killed before each step of rejecting, restoring and removing: nothing is lost, nothing half hidden after a start."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from storage.archive import Archive
from storage.attributes import Level
from storage.model import Outcome
from storage.query import Query
from storage.recovery import recover
from storage.rejection import Reason, Target
from storage.settings import ArchiveSettings
from storage.verify import verify
from tests.support.objects import STUDY, ct, store
from tests.support.stopping import stopped_at

OTHER = f"{STUDY}9"
OBJECTS = {f"{STUDY}.{series}.{number}" for series in (1, 2) for number in (1, 2)}
OTHERS = f"{OTHER}.1.1"


def _open(data: Path) -> Archive:
    return Archive.open(ArchiveSettings(data, minimum_free_bytes=0))


def _filled(data: Path, *, rejected: bool) -> Path:
    with _open(data) as archive:
        for uid in OBJECTS:
            store(archive, ct(SeriesInstanceUID=uid.rpartition(".")[0], SOPInstanceUID=uid))
        store(archive, ct(StudyInstanceUID=OTHER, SeriesInstanceUID=f"{OTHER}.1", SOPInstanceUID=OTHERS))
        if rejected:
            archive.rejections.reject(Target(STUDY), Reason.QUALITY, "admin")
    return data


def _restarted(tmp_path: Path, action: str) -> Iterator[Archive]:
    """For each step of an action: the archive of a process that was killed there, started again."""
    template = _filled(tmp_path / "template", rejected=action != "reject")
    for step in count(1):
        data = tmp_path / f"{action}-{step}"
        shutil.copytree(template, data)
        was_killed = stopped_at(data, action, STUDY, step)
        with _open(data) as archive:
            recovered = recover(archive)
            assert (recovered.indexed, recovered.quarantined, recovered.missing) == (0, 0, ())
            yield archive
        shutil.rmtree(data)
        if not was_killed:
            assert step > 8  # it was killed at more than a few
            return


def _in_use(archive: Archive) -> set[str]:
    found = archive.matching_instances(Query(Level.INSTANCE))
    assert all(archive.is_intact(instance) for instance in found)
    assert [finding for piece in verify(archive) for finding in piece.findings] == []
    return {instance.sop_instance_uid for instance in found}


def _is_whole(archive: Archive) -> bool:
    """All of the study is in use, or all of it is rejected and comes back; True for in use."""
    found = _in_use(archive)
    listed = archive.rejections.page(10)
    if not listed:
        assert found == {*OBJECTS, OTHERS}
        return True
    (rejection,) = listed
    assert found == {OTHERS}
    archive.rejections.restore(rejection.identifier)
    assert _in_use(archive) == {*OBJECTS, OTHERS}
    return False


def test_reject(tmp_path: Path) -> None:
    ends = [_is_whole(archive) for archive in _restarted(tmp_path, "reject")]
    assert ends == sorted(ends, reverse=True)  # up to one step nothing was rejected, from then on all
    assert len(set(ends)) == 2


def test_restore(tmp_path: Path) -> None:
    ends = [_is_whole(archive) for archive in _restarted(tmp_path, "restore")]
    assert ends == sorted(ends)
    assert len(set(ends)) == 2


def test_remove(tmp_path: Path) -> None:
    for archive in _restarted(tmp_path, "remove"):
        assert _in_use(archive) == {OTHERS}
        archive.rejections.remove_older_than(datetime.now(UTC) + timedelta(days=1))
        assert archive.rejections.count() == 0
        recover(archive)
        assert not [p for p in (archive.data / "archive").rglob("*.dcm") if p.stem in OBJECTS]
        uid = min(OBJECTS)
        again = store(archive, ct(SeriesInstanceUID=uid.rpartition(".")[0], SOPInstanceUID=uid))
        assert again.outcome is Outcome.STORED
        assert _in_use(archive) == {OTHERS, uid}
