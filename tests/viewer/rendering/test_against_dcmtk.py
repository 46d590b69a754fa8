"""Every readable image of pydicom's wheel and of the shared collection, rendered by us and by DCMTK.

Compared at the stored size, window for window, without overlays. One grey level of difference is rounding: DCMTK cuts
fractions off where we round to the nearest, and the standard leaves it open. Lossy JPEG may differ by what its decoders
may, which ISO 10918-1 leaves open as well, times the steepness of the window.
"""

import io
import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from storage.errors import PixelError
from storage.pixels import open_object
from viewer.rendering import View, Window, prepare
from viewer.rendering.lut import LookupTable
from viewer.rendering.render import pixels

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.skipif(shutil.which("dcm2pnm") is None, reason="DCMTK's dcm2pnm is not installed"),
]

WHEEL = Path(pydicom.__file__).parent / "data" / "test_files"
JPEG = {f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 53, 55, 57, 70)}
JPEG_LS = {"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81"}
LOSSY = {f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 53, 55)}

# Where DCMTK 3.6.7 differs or gives up, with the reason; everything else has to agree.
DCMTK_CANNOT = {
    "SC_rgb_jpeg.dcm": "pixel data element in implicit form inside an explicit data set",
    "rtdose_expb.dcm": "32-bit cells in retired big endian: DCMTK reads OW as words, least significant first; pydicom "
    "and the little endian twin agree with us",
    "rtdose_expb_1frame.dcm": "as rtdose_expb.dcm",
    "emri_small_jpeg_2k_lossless_too_short.dcm": "no delimiter at the end",
    "parametric_map_float.dcm": "Float Pixel Data (PS3.3 C.7.6.24)",
    "liver_rle.dcm": "one-bit RLE",
    "liver_deflate.dcm": "Deflated Image Frame Compression",
    "liver_nonbyte_aligned_deflate.dcm": "Deflated Image Frame Compression",
    "jxl_lossless_110.dcm": "JPEG XL",
    "JLSL_08_07_0_1F.dcm": "7-bit JPEG-LS that DCMTK's decoder refuses; pydicom's agrees with us",
}


def images_in(folder):
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix not in {".tsv", ".txt", ".gz", ".zip"})


def tool_for(syntax):
    """DCMTK's converter for this transfer syntax, None where it has none (JPEG 2000 is not in the free toolkit)."""
    if syntax in JPEG:
        return "dcmj2pnm"
    if syntax in JPEG_LS:
        return "dcml2pnm"
    return None if syntax.startswith("1.2.840.10008.1.2.4.") else "dcm2pnm"


def by_dcmtk(path, tool, options):
    command = [tool, "--no-overlays", "--frame", "1", *options, str(path)]
    done = subprocess.run(command, capture_output=True, check=False)
    return np.asarray(Image.open(io.BytesIO(done.stdout))) if done.stdout else done.stderr.decode(errors="replace")


def options_for(prepared, voi):
    if prepared.grey is None:
        return []
    if isinstance(voi, LookupTable):
        return ["--use-voi-lut", "1"]
    sigmoid = ["--sigmoid-function"] if voi.function == "SIGMOID" else ["--linear-function"]
    return ["--set-window", repr(voi.center), repr(voi.width), *sigmoid]


def has_frame_groups(ds):
    """Rescale and window of an enhanced object are in functional groups, which DCMTK's converter does not read."""
    return "SharedFunctionalGroupsSequence" in ds or "PerFrameFunctionalGroupsSequence" in ds


def difference(path):
    """What DCMTK shows otherwise in `path`; None where there is nothing to compare."""
    try:
        with open_object(path) as obj:
            tool = tool_for(obj.transfer_syntax_uid) if obj.has_pixels else None
            if tool is None or path.name in DCMTK_CANNOT:
                return None
            prepared = prepare(obj, 0)
            modality = ["--no-modality"] if has_frame_groups(obj.ds) else []
    except PixelError:
        return None
    if modality and not prepared.modality.is_identity:
        return None
    voi = prepared.voi[0] if prepared.voi else None
    expected = by_dcmtk(path, tool, [*modality, *options_for(prepared, voi)])
    if isinstance(expected, str):
        return f"DCMTK: {expected.strip().splitlines()[-1]}"
    got = pixels(prepared, View(overlays=False))
    if got.shape != expected.shape:
        return f"shape {got.shape}, DCMTK has {expected.shape}"
    most = int(np.abs(got.astype(int) - expected).max())
    steep = 255 / voi.width if isinstance(voi, Window) else 1
    tolerance = 1 + (max(3, int(3 * steep)) if obj.transfer_syntax_uid in LOSSY else 0)
    return f"differs by {most}" if most > tolerance else ""


def differences(paths, at_least):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = {path.name: difference(path) for path in paths}
    compared = [name for name, text in found.items() if text is not None]
    assert len(compared) >= at_least, f"only {len(compared)} were compared"
    return {name: text for name, text in found.items() if text}


def test_all_images_of_pydicoms_wheel():
    once = [path for path in images_in(WHEEL) if "dicomdirtests" not in path.parts or path.name in {"6154", "17106"}]
    assert differences(once, at_least=45) == {}


PARTS = {"wg04": 15, "transfer_syntax": 34, "special": 20, "malformed": 3, "malformed_derived": 5, "charset": 10}


@pytest.mark.parametrize("part", PARTS)
def test_all_images_of_shared_data(shared_data, part):
    assert differences(images_in(shared_data / part), PARTS[part]) == {}


def test_some_slices_of_each_volume_of_shared_data(shared_data):
    folders = [folder for folder in sorted((shared_data / "volumes").iterdir()) if folder.is_dir()]
    assert differences([path for folder in folders for path in images_in(folder)[::20]], at_least=8) == {}


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm"])
@pytest.mark.parametrize("window", [Window(40, 400), Window(-600, 1500), Window(100, 1), Window(0.5, 37.25)])
@pytest.mark.parametrize("sigmoid", [False, True])
def test_other_windows(name, window, sigmoid):
    path = WHEEL / name
    if sigmoid:
        window = Window(window.center, window.width, "SIGMOID")
    with open_object(path) as obj:
        prepared = prepare(obj, 0)
    expected = by_dcmtk(path, "dcm2pnm", options_for(prepared, window))
    got = pixels(prepared, View(window=window))
    assert np.abs(got.astype(int) - expected).max() <= 1


def test_overlays():
    path = WHEEL / "examples_overlay.dcm"
    with open_object(path) as obj:
        prepared = prepare(obj, 0)
    command = ["dcm2pnm", "--display-overlay", "0", "--ovl-replace", "--use-window", "1", str(path)]
    done = subprocess.run(command, capture_output=True, check=True)
    expected = np.asarray(Image.open(io.BytesIO(done.stdout)))
    assert np.abs(pixels(prepared, View()).astype(int) - expected).max() <= 1
    assert prepared.overlay.any()
