"""Images that tests of rendering share."""

from __future__ import annotations

import pytest

from storage.archive import Archive
from storage.model import Instance
from tests.support.objects import SERIES, ct, store
from tests.support.rendered import COLUMNS, ROWS, SOURCE, WHOLE


@pytest.fixture
def images(archive: Archive) -> list[Instance]:
    """Three slices that get brighter, and an object of four frames in a series of its own."""
    uids = []
    for i in (1, 2, 3):
        ds = ct(SOPInstanceUID=f"1.2.{i}", InstanceNumber=i, Rows=ROWS, Columns=COLUMNS, **WHOLE)
        ds.PixelData = (SOURCE // i).astype("<i2").tobytes()
        uids.append(store(archive, ds).sop_instance_uid)
    many = ct(SOPInstanceUID="1.2.4", SeriesInstanceUID=f"{SERIES}.4", SeriesNumber=4, Rows=ROWS, Columns=COLUMNS,
              NumberOfFrames=4, FrameTime="40", **WHOLE)  # fmt: skip
    many.PixelData = b"".join((SOURCE // i).astype("<i2").tobytes() for i in (1, 2, 3, 4))
    uids.append(store(archive, many).sop_instance_uid)
    return [archive.instance(uid) for uid in uids]
