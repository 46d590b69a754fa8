"""Every readable file of pydicom's wheel and of the shared collection, decoded by us and by pydicom's own plug-ins."""

import hashlib
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels import pixel_array

from storage.errors import PixelError
from storage.pixels import open_object

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

WHEEL = Path(pydicom.__file__).parent / "data" / "test_files"

# Refused by us, with the words that say why; pydicom refuses them too.
REFUSED = {
    "3gb-bulk-data-truncated": "Rows is not one whole number",
    "badVR.dcm": "NumberOfFrames is not one whole number",
    "JPEG2000-embedded-sequence-delimiter.dcm": "3722445056",  # a delimiter was written over the size in the codestream
    "MR_truncated.dcm": "truncated",
    "meta_missing_tsyntax.dcm": "Rows x Columns is 0 x 0",
    "nested_priv_SQ.dcm": "Rows x Columns is 0 x 0",
    "pixel_data_short.dcm": "32512 bytes",
    "rows_huge.dcm": "over the limit",
    "truncated_in_pixeldata.dcm": "truncated",
    "h264_mp4_102.dcm": "is video",
    "truncated_in_header.dcm": "no pixel data",
}
# Read by us, refused by the plug-ins that pydicom finds here: 12-bit JPEG whose Bits Stored says otherwise, retired
# JPEG processes, JPEG XL, deflated frames, one-bit RLE, a file without transfer syntax, one without delimiter.
PYDICOM_REFUSES = {
    "JPEG-lossy.dcm",
    "MR1_JPLY",
    "NM1_JPLY",
    "CTImage.dcm_JPEGProcess10_12TransferSyntax_1.2.840.10008.1.2.4.55.dcm",
    "CTImage.dcm_JPEGProcess6_8TransferSyntax_1.2.840.10008.1.2.4.53.dcm",
    "jxl_lossless_110.dcm",
    "liver_deflate.dcm",
    "liver_nonbyte_aligned_deflate.dcm",
    "liver_rle.dcm",
    "OT-PAL-8-face.dcm",
    "emri_small_jpeg_2k_lossless_too_short.dcm",
}
# Lossy JPEG is defined up to rounding (ISO 10918-1), and not at all in how chroma is brought to full resolution.
LOSSY_JPEG = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"}
CHROMA = {"TestPattern_JPEG-Baseline_YBR422.dcm": 7}


def images_in(folder):
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix not in {".tsv", ".txt", ".gz", ".zip"})


def decoded(path):
    """All frames as one array, or None where there is no image; the syntax and what was refused."""
    with open_object(path) as obj:
        if not obj.has_pixels:
            return None
        frames = [obj.frame(index).values for index in range(obj.number_of_frames)]
        return obj.transfer_syntax_uid, frames[0] if len(frames) == 1 else np.stack(frames)


def difference(path):
    """What is wrong with our reading of `path`; empty if nothing."""
    try:
        found = decoded(path)
    except PixelError as error:
        return "" if REFUSED.get(path.name, "\0") in str(error) else f"refused: {error}"
    if found is None or path.name in PYDICOM_REFUSES:
        return ""
    syntax, values = found
    expected = pixel_array(pydicom.dcmread(path, force=True), raw=True)
    if expected.shape != values.shape:
        return f"shape {values.shape}, pydicom has {expected.shape}"
    tolerance = CHROMA.get(path.name, 1) if syntax in LOSSY_JPEG else 0
    most = np.abs(values.astype(np.float64) - expected).max()
    return f"differs by {most}" if most > tolerance else ""


def differences(paths):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = {path.name: difference(path) for path in paths}
    return {name: text for name, text in found.items() if text}


def test_all_images_of_pydicoms_wheel():
    paths = images_in(WHEEL)
    assert len(paths) > 100
    assert differences(paths) == {}


PARTS = ["wg04", "transfer_syntax", "special", "malformed", "malformed_derived", "enhanced", "volumes", "video"]


@pytest.mark.parametrize("part", PARTS)
def test_all_images_of_shared_data(shared_data, part):
    assert differences(images_in(shared_data / part)) == {}


def test_hashes_of_shared_data(shared_data):
    rows = [line.split("\t") for line in (shared_data / "EXPECTED_pixel_sha256.tsv").read_text().splitlines()]
    expected = {row[0]: row[1] for row in rows if len(row) > 2 and len(row[1]) == 64}
    assert len(expected) > 25
    got = {name: hashlib.sha256(decoded(shared_data / name)[1].tobytes()).hexdigest() for name in expected}
    assert got == expected


def test_corrupt_files_of_shared_data_are_refused(shared_data):
    names = {path.name for path in images_in(shared_data)}
    assert names >= set(REFUSED), "the list of refused files names one that is not there"


@pytest.mark.parametrize("name", ["liver_deflate.dcm", "liver_j2k.dcm", "liver_rle.dcm"])
def test_one_bit_frames_of_shared_data_are_the_same_however_compressed(shared_data, name):
    plain, packed = (shared_data / part for part in ("special/liver.dcm", f"transfer_syntax/htj2k_etc/{name}"))
    np.testing.assert_array_equal(decoded(packed)[1], decoded(plain)[1])


def test_htj2k_of_shared_data_is_clamped(shared_data):
    """Lossy high-throughput JPEG 2000 overshoots; wrapped round, white would have black dots."""
    folder = shared_data / "transfer_syntax" / "htj2k_etc"
    lossy, lossless = (decoded(folder / name)[1] for name in ("HTJ2K_08_RGB.dcm", "HTJ2KLossless_08_RGB.dcm"))
    assert np.abs(lossy.astype(int) - lossless).max() < 60
