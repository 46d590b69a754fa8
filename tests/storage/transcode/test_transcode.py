"""Every readable object of pydicom's wheel in every syntax it can be put in: the same values, the same pixels."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import CTImageStorage

from storage import meta
from storage.archive import Archive
from storage.errors import InvalidObject, PixelError
from storage.transcode import COMPRESSED, UNCOMPRESSED, choose
from storage.transcode.write import transcode
from tests.support.objects import ct, encode, store, write_file

EXPLICIT, IMPLICIT, DEFLATED, BIG = UNCOMPRESSED
J2K, JPEG_LS, JPEG_LOSSLESS, HTJ2K, RLE = COMPRESSED
BASELINE = "1.2.840.10008.1.2.4.50"

_FILES = [
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "MR_small_jp2klossless.dcm",
    "J2K_pixelrep_mismatch.dcm",
    "image_dfl.dcm",
    "liver_1frame.dcm",
    "rtdose.dcm",
    "rtdose_rle.dcm",
    "rtdose_expb_1frame.dcm",
    "rtplan.dcm",
    "nested_priv_SQ.dcm",
    "priv_SQ.dcm",
    "SC_rgb_rle.dcm",
    "SC_rgb_rle_16bit_2frame.dcm",
    "SC_rgb_rle_32bit_2frame.dcm",
    "SC_rgb_small_odd.dcm",
    "SC_ybr_full_422_uncompressed.dcm",
    "examples_palette.dcm",
    "reportsi.dcm",
    "waveform_ecg.dcm",
]
# Their pixels are made of other tags than these, which may differ with the compression.
_ABOUT_PIXELS = {0x7FE00010, 0x00280004, 0x00280006}


def _transcoded(path: Path, target: str) -> Dataset:
    with path.open("rb") as f:
        about = meta.read(f.fileno(), path.stat().st_size)
    out = io.BytesIO()
    transcode(path, about.data_set_offset, about.transfer_syntax_uid, target, out)
    return _as_file(out.getvalue(), target)


def _as_file(data_set: bytes, syntax: str) -> Dataset:
    group = FileMetaDataset()
    group.TransferSyntaxUID = pydicom.uid.UID(syntax)
    group.MediaStorageSOPClassUID, group.MediaStorageSOPInstanceUID = CTImageStorage, "1.2"
    head = io.BytesIO()
    write_file_meta_info(head, group, enforce_standard=False)
    return pydicom.dcmread(io.BytesIO(bytes(128) + b"DICM" + head.getvalue() + data_set))


def _differences(a: Dataset, b: Dataset, ignored: set[int], where: str = "") -> Iterator[str]:
    tags = {e.tag for e in a if e.tag.element} - ignored
    if odd := tags ^ ({e.tag for e in b} - ignored):
        yield f"{where}: {odd}"
        return
    for tag in tags:
        x, y = a[tag], b[tag]
        if x.VR == y.VR == "SQ":
            if len(x.value) != len(y.value):
                yield f"{where}{tag}: number of items"
            for i, (inner, other) in enumerate(zip(x.value, y.value, strict=False)):
                yield from _differences(inner, other, set(), f"{where}{tag}[{i}].")
        elif x.VR in ("OB", "OW", "UN", "OF", "OD") or y.VR == "UN":
            if x.VR in ("OB", "UN") and y.VR == x.VR and x.value != y.value:
                yield f"{where}{tag}: bytes"
        elif x.VR != y.VR or (x.value != y.value and str(x.value) != str(y.value)):
            yield f"{where}{tag}: {x.VR} {x.value!r} became {y.VR} {y.value!r}"


def _pixels(ds: Dataset) -> np.ndarray | None:
    return ds.pixel_array if "PixelData" in ds and "BitsAllocated" in ds else None


@pytest.mark.filterwarnings("ignore")  # about oddities of the files, which have to survive
@pytest.mark.parametrize("name", _FILES)
def test_values_and_pixels_are_the_same_in_every_uncompressed_syntax(name: str) -> None:
    path = Path(str(get_testdata_file(name, download=False)))
    before = pydicom.dcmread(path)
    for target in UNCOMPRESSED:
        after = _transcoded(path, target)
        assert not list(_differences(before, after, _ABOUT_PIXELS)), target
        pixels = _pixels(before)
        if pixels is not None:
            assert np.array_equal(pixels, after.pixel_array, equal_nan=pixels.dtype.kind == "f"), target


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", COMPRESSED)
@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_bigendian.dcm", "SC_rgb_rle.dcm", "SC_rgb_rle_16bit_2frame.dcm"]
)
def test_pixels_are_the_same_in_every_lossless_compression(name: str, target: str) -> None:
    path = Path(str(get_testdata_file(name, download=False)))
    before, after = pydicom.dcmread(path), _transcoded(path, target)
    assert after["PixelData"].is_undefined_length
    assert np.array_equal(before.pixel_array, after.pixel_array)
    assert not list(_differences(before, after, _ABOUT_PIXELS))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", [EXPLICIT, J2K])
def test_what_was_lossy_stays_marked_as_lossy(target: str) -> None:
    path = Path(str(get_testdata_file("SC_rgb_jpeg_lossy_gdcm.dcm", download=False)))
    before, after = pydicom.dcmread(path), _transcoded(path, target)
    assert after.LossyImageCompression == "01"
    assert after.SOPInstanceUID == before.SOPInstanceUID
    # Two conforming decoders of lossy JPEG may differ by a little (ISO 10918-2).
    assert np.abs(before.pixel_array.astype(int) - after.pixel_array.astype(int)).max() <= 2


def test_bits_beyond_bits_stored_are_never_lost(tmp_path: Path) -> None:
    overlay = np.arange(64, dtype="<u2") | 0x8000
    ds = ct(BitsStored=12, HighBit=11, PixelRepresentation=0, PixelData=overlay.tobytes())
    path = write_file(tmp_path / "a.dcm", ds)
    packed = _transcoded(path, RLE)
    packed.save_as(tmp_path / "rle.dcm")
    assert _transcoded(tmp_path / "rle.dcm", EXPLICIT).PixelData == overlay.tobytes()
    for target in (J2K, JPEG_LS, JPEG_LOSSLESS, HTJ2K):
        with pytest.raises(PixelError, match=r"does not survive|cannot be compressed"):
            _transcoded(path, target)


def test_one_bit_frames_that_do_not_fill_bytes(tmp_path: Path) -> None:
    path = Path(str(get_testdata_file("liver_1frame.dcm", download=False)))
    before, after = pydicom.dcmread(path), _transcoded(path, BIG)
    assert np.array_equal(before.pixel_array, after.pixel_array)


def test_a_data_set_that_breaks_off_is_an_error(tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.dcm", ct())
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(InvalidObject, match="breaks off"):
        _transcoded(path, IMPLICIT)


def test_nesting_has_an_end(tmp_path: Path) -> None:
    deep = ct()
    inner = deep
    for _ in range(80):
        inner.ReferencedStudySequence = [Dataset()]
        inner = inner.ReferencedStudySequence[0]
    path = write_file(tmp_path / "a.dcm", deep)
    with pytest.raises(InvalidObject, match="nested"):
        _transcoded(path, IMPLICIT)


@pytest.mark.filterwarnings("ignore:The value length")
def test_a_private_element_keeps_its_bytes_and_long_text_its_length(tmp_path: Path) -> None:
    ds = ct()
    block = ds.private_block(0x0009, "SOMEBODY", create=True)
    block.add_new(1, "UN", b"\x01\x02\x03\x04")
    ds.add_new(0x00081140, "SQ", [ct(PixelData=None)])
    ds.add_new(0x00324000, "LT", "x" * 70000)
    path = write_file(tmp_path / "a.dcm", ds, IMPLICIT)
    after = _transcoded(path, EXPLICIT)
    assert after[0x00091001].value == b"\x01\x02\x03\x04"
    assert len(after[0x00324000].value) == 70000
    assert after.ReferencedImageSequence[0].PatientID == "BN001"


@pytest.mark.parametrize(
    ("stored", "offered", "chosen"),
    [
        (J2K, [EXPLICIT, J2K], J2K),
        (J2K, [EXPLICIT, "1.2.840.10008.1.2.4.91"], "1.2.840.10008.1.2.4.91"),
        (J2K, [BIG, IMPLICIT], IMPLICIT),
        (EXPLICIT, [RLE, JPEG_LS], JPEG_LS),
        (BASELINE, [EXPLICIT, RLE], EXPLICIT),
    ],
)
def test_the_choice(stored: str, offered: list[str], chosen: str) -> None:
    assert choose(stored, offered) == chosen


def test_nothing_fits() -> None:
    with pytest.raises(PixelError, match="none of the syntaxes"):
        choose(EXPLICIT, [BASELINE])


def test_the_archive_gives_what_is_stored_or_a_transcoded_form_that_is_gone_afterwards(archive: Archive) -> None:
    store(archive, ct())
    instance = archive.instance(ct().SOPInstanceUID)
    with archive.in_syntax(instance, [IMPLICIT, EXPLICIT]) as (syntax, span):
        assert (syntax, span.path) == (EXPLICIT, instance.path)
    with archive.in_syntax(instance, [IMPLICIT]) as (syntax, span):
        with span.path.open("rb") as f:
            f.seek(span.offset)
            assert f.read(span.size) == encode(ct(), IMPLICIT)
        assert syntax == IMPLICIT
    assert not list((archive.data / "cache").iterdir())
