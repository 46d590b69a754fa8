"""Facts of frames are prepared once for each series, and are never those of an earlier state."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from storage.archive import Archive
from storage.rejection import Reason, Target
from tests.support.objects import SERIES, STUDY, ct, store
from viewer.reading import prepared
from viewer.reading.compact import expanded
from viewer.reading.facts import reading_facts
from viewer.reading.prepared import PreparedFacts
from viewer.services import services_of

ADDRESS = f"/study/{STUDY}/series/{SERIES}/facts"


def uid(number: int) -> str:
    return f"{SERIES}.{number}"


def add(archive: Archive, *numbers: int, **more: object) -> None:
    for number in numbers:
        store(archive, ct(SOPInstanceUID=uid(number), InstanceNumber=number, SliceLocation=number, **more))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The instances whose headers were read for facts, from now on."""
    seen: list[str] = []
    real = reading_facts

    def counted(obj: Any, instance: Any, index: int) -> Any:
        seen.append(instance.sop_instance_uid)
        return real(obj, instance, index)

    monkeypatch.setattr("viewer.reading.prepared.reading_facts", counted)
    return seen


@pytest.fixture
def forget(app: Flask) -> Callable[[], None]:
    """Forget what is in memory, as another process does not have it either."""

    def forgotten() -> None:
        kept = services_of(app).facts
        kept._small = type(kept._small)(prepared.MEMORY_BYTES, len)

    return forgotten


def told(client: FlaskClient) -> list[dict[str, Any]]:
    body = asked(client)
    records = expanded(body)
    assert body["total"] == len(records)
    return records


def asked(client: FlaskClient, query: str = "") -> dict[str, Any]:
    answer = client.get(ADDRESS + query)
    assert answer.status_code == 200
    body: dict[str, Any] = json.loads(answer.data)
    return body


def test_once_for_all_and_again_only_what_is_new(
    client: FlaskClient, archive: Archive, reads: list[str], forget: Callable[[], None]
) -> None:
    add(archive, 1, 3)
    first = told(client)
    assert [one["sop"] for one in first] == [uid(1), uid(3)]
    assert reads == [uid(1), uid(3)]
    told(client)
    forget()
    assert told(client) == first
    assert len(reads) == 2
    add(archive, 2)
    assert [one["sop"] for one in told(client)] == [uid(1), uid(2), uid(3)]
    assert reads[2:] == [uid(2)]


def test_what_is_in_memory_is_not_made_again(client: FlaskClient, archive: Archive, reads: list[str]) -> None:
    add(archive, 1)
    first = told(client)
    for file in (archive.data / "cache" / "facts").rglob("*"):
        if file.is_file():
            file.unlink()
    assert told(client) == first
    assert reads == [uid(1)]


def test_what_is_rejected_is_gone_at_once_and_comes_back(
    client: FlaskClient, archive: Archive, reads: list[str]
) -> None:
    add(archive, 1, 2, 3)
    before = told(client)
    rejection = archive.rejections.reject(Target(STUDY, SERIES, uid(2)), Reason.QUALITY, "admin")
    assert [one["sop"] for one in told(client)] == [uid(1), uid(3)]
    archive.rejections.restore(rejection.identifier)
    assert told(client) == before
    assert reads[3:] == [uid(2)]


def test_frames_are_told_apart_by_content(client: FlaskClient, archive: Archive, reads: list[str]) -> None:
    pixels = np.arange(3 * 64, dtype="<i2").tobytes()
    add(archive, 1, NumberOfFrames=3, PixelData=pixels)
    add(archive, 2)
    records = told(client)
    (multi, single) = (archive.instance(uid(number)).dataset_sha256.hex() for number in (1, 2))
    assert [(one["content"], one["frame_number"]) for one in records] == [
        *((multi[:32], frame) for frame in (1, 2, 3)),
        (single[:32], 1),
    ]
    add(archive, 3)
    assert told(client)[:4] == records
    assert reads[4:] == [uid(3)]


def test_ranges_have_bodies_of_their_own(client: FlaskClient, archive: Archive) -> None:
    add(archive, *range(1, 6))
    whole = told(client)
    parts = [asked(client, f"?offset={offset}&limit=2") for offset in (0, 2, 4, 9)]
    assert [one["offset"] for one in parts] == [0, 2, 4, 9]
    assert [record for part in parts for record in expanded(part)] == whole


def test_a_frame_that_cannot_be_read_is_tried_again(client: FlaskClient, archive: Archive, reads: list[str]) -> None:
    add(archive, 1, 2)
    file = archive.instance(uid(1)).path
    file.rename(file.with_suffix(".gone"))
    broken = told(client)
    assert broken[0]["problem"]
    assert (broken[0]["sop"], broken[1]["sop"]) == (uid(1), uid(2))
    file.with_suffix(".gone").rename(file)
    assert "problem" not in told(client)[0]
    assert reads == [uid(2), uid(1)]


def test_what_a_power_cut_left_of_a_body_is_no_body(
    client: FlaskClient, archive: Archive, reads: list[str], forget: Callable[[], None]
) -> None:
    add(archive, 1, 2)
    before = told(client)
    (file,) = (path for path in (archive.data / "cache" / "facts").rglob("*") if path.is_file())
    for left in (file.read_bytes()[:-20], b"", b"\0" * 100):
        file.write_bytes(left)
        forget()
        assert told(client) == before
    assert len(reads) == 8


def test_a_disk_that_refuses_does_not_matter(app: Flask, client: FlaskClient, archive: Archive, tmp_path: Path) -> None:
    add(archive, 1)
    (tmp_path / "no folder").write_text("")
    whole = services_of(app)
    facts = PreparedFacts(tmp_path / "no folder", whole.frames)
    (series,) = archive.series(STUDY)
    body = facts.body(series, whole.stacks.of(series), 0, 10)
    assert expanded(json.loads(body)) == told(client)


def test_a_new_version_prepares_them_anew(
    client: FlaskClient, archive: Archive, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    add(archive, 1)
    told(client)
    monkeypatch.setattr(prepared, "form", lambda: "another version")
    told(client)
    assert reads == [uid(1), uid(1)]
