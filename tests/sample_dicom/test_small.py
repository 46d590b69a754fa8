from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
from pydicom import dcmread

from sample_dicom.encode import write
from sample_dicom.small import ct_slice


def test_slice_is_valid(tmp_path: Path, dciodvfy: str) -> None:
    path = write(ct_slice(), tmp_path / "a.dcm")
    checked = subprocess.run([dciodvfy, path], capture_output=True, text=True, check=False)
    assert "Error" not in checked.stdout + checked.stderr
    assert dcmread(path).pixel_array.shape == (64, 64)


def test_slices_of_a_study_belong_together() -> None:
    first, second = ct_slice(number=1), ct_slice(number=2)
    assert first.SeriesInstanceUID == second.SeriesInstanceUID
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert not np.array_equal(first.PixelData, second.PixelData)


def test_given_uids_are_kept_and_others_follow() -> None:
    a, b = ct_slice("2.25.1"), ct_slice("2.25.2")
    assert (a.StudyInstanceUID, b.StudyInstanceUID) == ("2.25.1", "2.25.2")
    assert a.SeriesInstanceUID != b.SeriesInstanceUID
    assert a.SOPInstanceUID != b.SOPInstanceUID
    whole = ct_slice("2.25.1", "2.25.3", "2.25.4")
    assert (whole.SeriesInstanceUID, whole.SOPInstanceUID) == ("2.25.3", "2.25.4")
    assert whole.file_meta.MediaStorageSOPInstanceUID == "2.25.4"


def test_given_pixels_set_the_shape() -> None:
    ds = ct_slice(pixels=np.full((5, 7), 4095, np.uint16))
    assert (ds.Rows, ds.Columns) == (5, 7)
    assert ds.pixel_array.min() == 4095
