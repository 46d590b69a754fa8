"""Objects that are larger than a worker may be: any frame at once, memory that stays small."""

from __future__ import annotations

import random
import struct
import time
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from statistics import median

import numpy as np
import psutil
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from storage.archive import Archive
from storage.incoming import Announced
from storage.pixels import frames_of
from storage.records import Role
from tests.support.objects import SERIES, STUDY, TEST_SOURCE, ct, store
from tests.support.web import Server
from viewer.frame_store import EXPLICIT_LITTLE, FrameStore
from viewer.streaming import read

SIDE, FRAMES = 512, 1024
FRAME_BYTES = SIDE * SIDE * 2
UID = "1.2.1"


def store_large(archive: Archive) -> None:
    """512 MB in 1,024 frames; each begins with its number, the rest are zeros."""
    ds = ct(SOPInstanceUID=UID, Rows=SIDE, Columns=SIDE, NumberOfFrames=FRAMES, PixelData=None)
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, ds)
    head = buffer.getvalue() + struct.pack("<HH2s2xI", 0x7FE0, 0x10, b"OW", FRAMES * FRAME_BYTES)
    rest = bytes(FRAME_BYTES - 4)
    announced = Announced(str(ds.SOPClassUID), UID, EXPLICIT_LITTLE)
    with archive.receive(announced, TEST_SOURCE) as incoming:
        incoming.write(head)
        for i in range(FRAMES):
            incoming.write(struct.pack("<I", i))
            incoming.write(rest)
        incoming.keep()


def test_random_frames_of_512_mb_take_the_same_time_and_little_memory(archive: Archive, server: Server) -> None:
    store_large(archive)
    cookie = server.cookie(Role.CLINICIAN)
    order = random.Random(1).sample(range(FRAMES), 300)
    times = []
    with closing(server.connect()) as connection:
        for number in order:
            began = time.process_time()
            connection.request("GET", f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{UID}/frames/{number + 1}",
                               headers={"Cookie": cookie, "Accept": "application/octet-stream"})  # fmt: skip
            body = connection.getresponse().read()
            times.append(time.process_time() - began)
            assert len(body) == FRAME_BYTES
            assert body[:4] == struct.pack("<I", number)
        # Three frames of one request, the first and last of the object among them.
        connection.request("GET", f"/dicom-web/studies/{STUDY}/series/{SERIES}/instances/{UID}/frames/1,512,{FRAMES}",
                           headers={"Cookie": cookie})  # fmt: skip
        assert len(connection.getresponse().read()) > 3 * FRAME_BYTES
    workers = psutil.Process(server.process.pid).children(recursive=True)
    assert max(worker.memory_info().rss for worker in workers) < 300e6
    assert median(times[-100:]) < 3 * median(times[:100]) + 0.01


def test_eight_thousand_compressed_frames_are_found_once(archive: Archive, tmp_path: Path) -> None:
    """Without an offset table, too; then each is one read at its place."""
    frames = [bytes([0] * 64) + struct.pack("<I", i) + bytes(i % 7 * 2) for i in range(8800)]
    ds = ct(SOPInstanceUID=UID, NumberOfFrames=len(frames), PixelData=encapsulate(frames, has_bot=False))
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    store(archive, ds, transfer_syntax_uid="1.2.840.10008.1.2.5")
    instance = archive.instance(UID)
    kept = FrameStore(tmp_path)
    for i in random.Random(2).sample(range(len(frames)), 200):
        (piece,) = kept.pieces(instance, i, "1.2.840.10008.1.2.5")
        assert read(piece) == frames[i]
    index = frames_of(instance)
    spans = [index.spans(i)[0] for i in range(len(frames))]
    assert all(a.offset + a.length + 8 == b.offset for a, b in pairwise(spans))
    assert np.sum([span.length for span in spans]) == sum(map(len, frames))
