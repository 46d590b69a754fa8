"""Pictures of many frames in one answer: drawn as they are taken, with nothing kept of them; what is none of them."""

from __future__ import annotations

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from storage.archive import Archive
from storage.model import Instance
from tests.support.objects import ct, store
from tests.support.parts import address_of, parts_of
from viewer.services import services_of

FRAMES = 5
RELATED = 'multipart/related; type="image/jpeg"'


@pytest.fixture
def many(archive: Archive) -> Instance:
    """An object of a few frames, each another picture."""
    pixels = np.arange(FRAMES * 64, dtype="<i2").tobytes()
    ds = ct(NumberOfFrames=FRAMES, PixelData=pixels, WindowCenter="160", WindowWidth="320")
    return archive.instance(store(archive, ds).sop_instance_uid)


def test_frames_of_an_answer_in_parts_do_not_stay_in_memory(app: Flask, client: FlaskClient, many: Instance) -> None:
    frames = services_of(app).frames
    answer = client.get(f"{address_of(many)}/rendered", headers={"Accept": RELATED})
    pictures = [part.data for part in parts_of(answer.content_type, answer.data)]
    assert len(set(pictures)) == FRAMES
    assert not any(frames.prepared_at_hand(many, index) for index in range(FRAMES))
    for number, picture in enumerate(pictures, 1):
        alone = client.get(f"{address_of(many)}/frames/{number}/rendered", headers={"Accept": "image/jpeg"})
        assert alone.data == picture
    assert all(frames.prepared_at_hand(many, index) for index in range(FRAMES))
    again = client.get(f"{address_of(many)}/rendered", headers={"Accept": RELATED})
    assert [part.data for part in parts_of(again.content_type, again.data)] == pictures


def test_a_profile_is_refused_for_what_holds_none(client: FlaskClient, many: Instance) -> None:
    for profile in ("yes", "srgb"):
        address = f"{address_of(many)}/rendered?iccprofile={profile}"
        for accept, status in (("image/gif", 400), ("image/jp2", 400), ("image/png", 200), (RELATED, 200)):
            answer = client.get(address, headers={"Accept": accept})
            assert answer.status_code == status, (profile, accept)
    assert "ICC" in client.get(f"{address_of(many)}/rendered?iccprofile=yes&accept=image/gif").json["detail"]
    assert client.get(f"{address_of(many)}/rendered?iccprofile=no&accept=image/gif").status_code == 200


def test_a_thumbnail_has_no_region(client: FlaskClient, many: Instance) -> None:
    for place in (address_of(many), address_of(many).rpartition("/instances")[0], f"{address_of(many)}/frames/2"):
        answer = client.get(f"{place}/thumbnail?viewport=64,64,0,0,4,4")
        assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
        assert "region" in answer.json["detail"]
        assert client.get(f"{place}/thumbnail?viewport=64,64").status_code == 200
