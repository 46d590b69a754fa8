"""Single frames, found without the header and given in another syntax: what the whole object says they are."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.pixels import unpack_bits
from pydicom.uid import UID

from storage import meta
from storage.archive import Archive
from storage.errors import NotFound, PixelError
from storage.model import Source
from storage.pixels import frames_of, open_object
from storage.settings import ArchiveSettings
from storage.transcode import COMPRESSED, frame_in
from storage.transcode.write import transcode
from tests.support.objects import INSTANCE, ct, store
from tests.support.parts import of_pydicom

EXPLICIT, DEFLATED, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
FILES = [
    "CT_small.dcm",
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "J2K_pixelrep_mismatch.dcm",
    "image_dfl.dcm",
    "liver_1frame.dcm",
    "liver_expb_1frame.dcm",
    "rtdose.dcm",
    "rtdose_expb_1frame.dcm",
    "rtdose_rle.dcm",
    "SC_rgb_rle_2frame.dcm",
    "SC_rgb_small_odd.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "examples_palette.dcm",
    "examples_ybr_color.dcm",
    "JPGExtended.dcm",
    "693_J2KI.dcm",
]


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    with Archive.open(ArchiveSettings(tmp_path, minimum_free_bytes=0)) as opened:
        yield opened


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FILES)
def test_frames_are_where_the_header_says(archive: Archive, name: str) -> None:
    instance = of_pydicom(archive, name)
    if instance.transfer_syntax_uid == DEFLATED:
        return
    with open_object(instance.path) as obj:
        found = frames_of(instance)
        assert found.number_of_frames == obj.number_of_frames
        for i in range(obj.number_of_frames):
            assert found.spans(i) == obj.frame_index.spans(i)
            assert found.bit_offset(i) == obj.frame_index.bit_offset(i)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", FILES)
def test_an_uncompressed_frame_is_the_one_of_the_transcoded_object(archive: Archive, name: str) -> None:
    instance = of_pydicom(archive, name)
    out = io.BytesIO()
    transcode(instance.path, instance.dataset_offset, instance.transfer_syntax_uid, EXPLICIT, out)
    head = meta.encode(instance.sop_class_uid, instance.sop_instance_uid, EXPLICIT, Source())
    whole = pydicom.dcmread(io.BytesIO(head + out.getvalue())).PixelData
    with open_object(instance.path) as obj:
        frames = [frame_in(obj, i, EXPLICIT).data for i in range(obj.number_of_frames)]
        if obj.description.bits_allocated == 1:
            bits = obj.description.samples
            together = np.concatenate([unpack_bits(frame)[:bits] for frame in frames])
            assert np.array_equal(together, unpack_bits(whole)[: len(together)])
        else:
            joined = b"".join(frames)
            assert joined == whole[: len(joined)]
            assert len(whole) - len(joined) <= 1


@pytest.mark.parametrize("target", COMPRESSED)
def test_a_compressed_frame_comes_back_the_same(archive: Archive, target: str) -> None:
    pixels = np.random.default_rng(1).integers(-1000, 3000, 4 * 64, "<i2")
    store(archive, ct(NumberOfFrames=4, PixelData=pixels.tobytes()))
    instance = archive.instance(INSTANCE)
    with open_object(instance.path) as obj:
        encoded = frame_in(obj, 3, target).data
        before = obj.frame(3).values
    ds = pydicom.dcmread(instance.path)
    ds.NumberOfFrames = 1
    assert np.array_equal(before.ravel(), pixels[192:])
    ds.file_meta.TransferSyntaxUID = UID(target)
    ds.PixelData = pydicom.encaps.encapsulate([encoded])
    ds["PixelData"].is_undefined_length = True
    assert np.array_equal(ds.pixel_array, before)


def test_stored_as_asked_is_not_decoded(archive: Archive) -> None:
    instance = of_pydicom(archive, "SC_rgb_jpeg_dcmtk.dcm")
    with open_object(instance.path) as obj:
        assert frame_in(obj, 0, instance.transfer_syntax_uid).data == obj.encoded_frame(0)
        with pytest.raises(PixelError, match="cannot be given"):
            frame_in(obj, 0, "1.2.840.10008.1.2.4.51")
        with pytest.raises(NotFound):
            frame_in(obj, 1, EXPLICIT)


def test_a_length_that_does_not_fit_is_looked_up_in_the_header(archive: Archive) -> None:
    """Two frames' worth of pixels, but one frame said: the first is it. Three planes of colour are no frames."""
    pixels = bytes(range(128)) * 2
    double = store(archive, ct(PixelData=pixels, SOPInstanceUID="1.2.3"))
    index = frames_of(archive.instance(double.sop_instance_uid))
    assert index.number_of_frames == 1
    assert index.spans(0)[0].length == 128
    colour = ct(
        SOPInstanceUID="1.2.4", SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=1,
        BitsAllocated=8, BitsStored=8, HighBit=7, PixelRepresentation=0, PixelData=bytes(192),
    )  # fmt: skip
    assert frames_of(archive.instance(store(archive, colour).sop_instance_uid)).spans(0)[0].length == 192


def test_no_pixels_no_frames(archive: Archive) -> None:
    instance = of_pydicom(archive, "reportsi.dcm")
    with pytest.raises(NotFound):
        frames_of(instance)


def test_big_endian_frames_are_turned_round(archive: Archive) -> None:
    ds = ct()
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = False, False
    ds["PixelData"].value = np.arange(64, dtype=">i2").tobytes()
    write_dataset(buffer, ds)
    store(archive, buffer.getvalue(), sop_class_uid=ds.SOPClassUID, sop_instance_uid=ds.SOPInstanceUID,
          transfer_syntax_uid=BIG)  # fmt: skip
    with open_object(archive.instance(ds.SOPInstanceUID).path) as obj:
        assert frame_in(obj, 0, EXPLICIT).data == np.arange(64, dtype="<i2").tobytes()
