"""Which pictures are drawn at once, and which in a thread."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from flask import Flask

from storage.archive import Archive
from storage.pixels import open_object
from tests.support.objects import STUDY, ct, store
from tests.support.parts import address_of
from tests.support.programs import bearer, has_looked
from tests.support.rsgi import Client, scope
from viewer.dicomweb.wado.fast_rendered import FastRendered
from viewer.dicomweb.wado.parameters import read
from viewer.dicomweb.wado.picture import JPEG, PNG, SOON_SAMPLES, draw, drawn, encode, is_soon_drawn
from viewer.rendering import Prepared, prepare
from viewer.services import services_of
from viewer.sign_in_cache import SignInCache


def prepared(archive: Archive, rows: int = 40, columns: int = 60, **attributes: object) -> Prepared:
    ds = ct(Rows=rows, Columns=columns, **attributes)
    ds.PixelData = (np.arange(rows * columns) % 3000).astype("<i2").tobytes()
    with open_object(archive.instance(store(archive, ds).sop_instance_uid).path) as obj:
        return prepare(obj, 0)


def test_what_is_drawn_soon(archive: Archive) -> None:
    window = read({"window": "500,300"})
    small = prepared(archive)
    assert is_soon_drawn(small, window, JPEG)
    assert not is_soon_drawn(small, window, PNG)
    assert not is_soon_drawn(small, read({"viewport": "30,20"}), JPEG)
    large = prepared(archive, SOON_SAMPLES // 512 + 1, 512, SOPInstanceUID="1.2.8")
    assert not is_soon_drawn(large, window, JPEG)
    flat = prepared(archive, PixelSpacing=["2", "1"], SOPInstanceUID="1.2.9")
    assert not is_soon_drawn(flat, window, JPEG)
    for one in (small, large, flat):
        assert drawn(one, window, JPEG) == encode(draw(one, window), JPEG, window.quality)


def test_only_what_takes_long_is_given_to_a_thread(
    app: Flask, archive: Archive, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = archive.instance(store(archive, ct()).sop_instance_uid)
    program, services = bearer(data), services_of(app)
    has_looked(services, STUDY)
    services.frames.prepared(image, 0)
    quick, aside = FastRendered(services, SignInCache(services.records)), []
    submit = quick._pool.submit
    monkeypatch.setattr(quick._pool, "submit", lambda *args: aside.append(args) or submit(*args))

    def threads_for(query: str) -> int:
        aside.clear()
        headers, client = [program, ("accept", "image/jpeg")], Client()
        request = scope(path=f"{address_of(image)}/rendered", headers=headers, query_string=query)
        assert asyncio.run(quick.answer(request, client))  # type: ignore[arg-type]
        assert client.answer[1] == 200
        return len(aside)

    assert threads_for("window=40,400") == 0
    assert threads_for("viewport=4000,4000") == 1
