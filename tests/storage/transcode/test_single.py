"""Single frames, found without the header and given in another syntax: what the whole object says they are."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
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
from tests.support.objects import INSTANCE, ct, store, write_file
from tests.support.parts import of_pydicom

JPEG_LS = "1.2.840.10008.1.2.4.80"
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


@given(data=st.data())
def test_jpeg_ls_keeps_every_stored_value(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Of any depth, sign and size; with the precision of Bits Stored where that is all there is in a cell."""
    allocated = data.draw(st.sampled_from([8, 16]))
    stored, signed = data.draw(st.integers(1, allocated)), data.draw(st.booleans())
    rows, columns = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    low, high = (-(1 << stored - 1), (1 << stored - 1) - 1) if signed else (0, (1 << stored) - 1)
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    values = random.integers(low, data.draw(st.integers(low, high)), (rows, columns), endpoint=True)
    cells = values.astype(f"<{'i' if signed else 'u'}{allocated // 8}").tobytes()
    about = {
        "BitsAllocated": allocated,
        "BitsStored": stored,
        "HighBit": stored - 1,
        "PixelRepresentation": int(signed),
    }
    ds = ct(Rows=rows, Columns=columns, PixelData=cells + bytes(len(cells) % 2), **about)
    with open_object(write_file(tmp_path_factory.mktemp("made") / "a.dcm", ds)) as obj:
        encoded = frame_in(obj, 0, JPEG_LS).data
    assert imagecodecs.jpegls_decode(encoded).astype(f"<u{allocated // 8}").tobytes() == cells
    precision = encoded[encoded.index(b"\xff\xf7") + 4]
    assert precision == (stored if not signed and stored > 8 else allocated)


def test_jpeg_ls_of_twelve_bits_says_so_and_is_smaller_for_it(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).normal(1000, 20, (64, 64)).astype("<u2")
    about = {"Rows": 64, "Columns": 64, "PixelRepresentation": 0, "PixelData": noise.tobytes()}
    with open_object(write_file(tmp_path / "a.dcm", ct(BitsStored=12, HighBit=11, **about))) as obj:
        encoded = frame_in(obj, 0, JPEG_LS).data
    assert len(encoded) < 0.95 * len(imagecodecs.jpegls_encode(noise))
