"""CT of the chest as one enhanced multi-frame object, and objects of any size for benchmarks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pydicom import dcmwrite
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from sample_dicom import people
from sample_dicom.encode import file_meta, native
from sample_dicom.iods.common import Code, Series, Study, stored
from sample_dicom.iods.ct import LUNG, SOFT, Scan
from sample_dicom.iods.enhanced_ct import enhanced_ct, enhanced_ct_header
from sample_dicom.makers import devices
from sample_dicom.makers.ct_chest import FIELD_OF_VIEW
from sample_dicom.phantoms.canvas import Grid, Image
from sample_dicom.phantoms.chest import PLAIN, Chest, quantum_noise

STUDY = Study("enhanced-ct", people.MINH_HOA, "20251107", "105512", "CLVT ngực liều thấp (enhanced)", "CT2511070011")
SERIES = Series(
    STUDY,
    "volume",
    1,
    "CT",
    "Ngực đa khung",
    devices.CT,
    "CHEST",
    frame="scan",
    patient_position="HFS",
    protocol="CHEST",
)
CHEST = Code("43799004", "SCT", "Chest")
FRAMES, SPACING = 14, 20.0


def _scan(matrix: int, spacing: float, x: float = 0.0) -> Scan:
    grid = Grid.centred(matrix, matrix, FIELD_OF_VIEW / matrix, x, 20.0)
    return Scan(grid, spacing, spacing, (LUNG, SOFT), current=40)


def _slice(phantom: Chest, scan: Scan, name: str, z: float) -> Image:
    return quantum_noise(scan.grid, f"{name} noise {z:.3f}", 9.0, phantom.slice(scan.grid, z))


def datasets(transfer_syntax_uid: UID = ExplicitVRLittleEndian) -> Iterator[Dataset]:
    """Yield the one object; frames run from the feet up."""
    phantom, scan = Chest(PLAIN), _scan(128, SPACING)
    heights = [5 + SPACING * k for k in range(FRAMES)]
    frames = [_slice(phantom, scan, STUDY.key, z) for z in heights]
    yield enhanced_ct(SERIES, frames, heights, scan, CHEST, transfer_syntax_uid)


def write_large(path: Path, megabytes: int, matrix: int = 512) -> Path:
    """Write one uncompressed object with `megabytes` (10**6 bytes) of pixel data or a little more.

    Pixel data are appended frame by frame, so that memory does not grow with the object; every eighth frame is newly
    painted and the others repeat it. Raises ValueError past the 4 GiB that a length can hold (PS3.5 7.1.2).
    """
    scan = _scan(matrix, 0.0)
    frame_bytes = scan.grid.rows * scan.grid.columns * 2
    count = max(1, -(-megabytes * 10**6 // frame_bytes))
    if count * frame_bytes >= 2**32 - 1:
        raise ValueError(f"{megabytes} MB of pixel data do not fit a 32-bit length")
    scan = replace(scan, thickness=288 / count, spacing=288 / count)
    heights = [288 * k / count for k in range(count)]
    study = replace(STUDY, key=f"enhanced-ct-{megabytes}-{matrix}")
    ds = enhanced_ct_header(replace(SERIES, study=study), heights, scan, CHEST)
    _write_header(ds, path)
    with path.open("ab") as file:
        file.write(_pixel_data_element(count * frame_bytes))
        for frame in _frames(ds, scan, heights):
            file.write(frame)
    return path


def _frames(ds: Dataset, scan: Scan, heights: list[float]) -> Iterator[bytes]:
    phantom, data = Chest(PLAIN), b""
    for k, z in enumerate(heights):
        if k % 8 == 0:
            data = native(stored(_slice(phantom, scan, "large", z) + 1024, 0, 4095), ds)
        yield data


def _write_header(ds: Dataset, path: Path) -> None:
    ds.file_meta = file_meta(ds, ExplicitVRLittleEndian)
    path.parent.mkdir(parents=True, exist_ok=True)
    dcmwrite(path, ds, enforce_file_format=True)


def _pixel_data_element(length: int) -> bytes:
    """Tag, VR, reserved bytes and length of Pixel Data in explicit VR little endian (PS3.5 7.1.2)."""
    return b"\xe0\x7f\x10\x00OW\0\0" + length.to_bytes(4, "little")
