"""What sample_dicom/README.md promises about sizes and values, measured in the committed pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import Dataset

from sample_dicom.phantoms import head
from sample_dicom.phantoms.chest import NODULE
from sample_dicom.phantoms.table import INSERT

SeriesOf = Callable[[str, str], list[Dataset]]


def values(ds: Dataset) -> NDArray[np.float64]:
    return ds.pixel_array * float(ds.RescaleSlope) + float(ds.RescaleIntercept)


def near(slices: list[Dataset], z: float) -> Dataset:
    return min(slices, key=lambda ds: abs(float(ds.ImagePositionPatient[2]) - z))


def pixel(ds: Dataset, x: float, y: float) -> tuple[int, int]:
    """(row, column) of a place in patient coordinates, axial slices only."""
    left, top, _ = (float(v) for v in ds.ImagePositionPatient)
    return round((y - top) / float(ds.PixelSpacing[0])), round((x - left) / float(ds.PixelSpacing[1]))


def mean(ds: Dataset, x: float, y: float, reach: int = 2) -> float:
    row, column = pixel(ds, x, y)
    return float(values(ds)[row - reach : row + reach + 1, column - reach : column + reach + 1].mean())


@pytest.mark.parametrize(
    ("what", "place", "hu", "tolerance"),
    [
        ("air in front", (0, -150, 140), -1000, 5),
        ("lung", (112, 10, 141), -865, 30),
        ("muscle beside the spine", (27, 90, 135), 55, 15),
        ("aorta", (21, 42, 100), 230, 12),
        ("liver", (-80, -20, 9), 100, 12),
        ("left ventricle", (44, -14, 78), 190, 12),
        ("trachea", (2, 13, 225), -997, 12),
        ("spleen", (88, 38, 9), 118, 10),
        ("nodule", (NODULE.centre[0], NODULE.centre[1], 195), 40, 15),
    ],
)
def test_organs_of_the_chest_have_their_hu(
    series_of: SeriesOf, what: str, place: tuple[float, float, float], hu: float, tolerance: float
) -> None:
    ds = near(series_of("ct-chest", "CT"), place[2])
    assert mean(ds, place[0], place[1]) == pytest.approx(hu, abs=tolerance), what


def test_noise_in_the_aorta_is_as_documented(series_of: SeriesOf) -> None:
    ds = near(series_of("ct-chest", "CT"), 100)
    row, column = pixel(ds, 21, 42)
    assert values(ds)[row - 5 : row + 6, column - 5 : column + 6].std() == pytest.approx(7.0, abs=2.0)


def test_rod_is_fifty_millimetres_long(series_of: SeriesOf) -> None:
    lengths = []
    for ds in series_of("ct-chest", "CT"):
        if INSERT.bottom <= float(ds.ImagePositionPatient[2]) <= INSERT.top:
            row, start = pixel(ds, -32, INSERT.rod_y)
            profile = values(ds)[row - 2 : row + 3, start : pixel(ds, 32, 0)[1]].mean(axis=0)
            lengths.append(half_width(profile, INSERT.block_hu, INSERT.rod_hu) * float(ds.PixelSpacing[1]))
    assert len(lengths) == 14
    assert lengths == pytest.approx([50.0] * 14, abs=0.2)


def half_width(profile: NDArray[np.float64], low: float, high: float) -> float:
    """Width in pixels: the sum of how much of each pixel is covered."""
    return float(((profile - low) / (high - low)).sum())


def test_disc_has_its_area_and_hu(series_of: SeriesOf) -> None:
    ds = near(series_of("ct-chest", "CT"), 120)
    row, column = pixel(ds, *INSERT.disc_centre)
    reach = round(14 / float(ds.PixelSpacing[0]))
    patch = values(ds)[row - reach : row + reach + 1, column - reach : column + reach + 1]
    covered = (patch - INSERT.block_hu) / (INSERT.disc_hu - INSERT.block_hu)
    assert covered.sum() * float(ds.PixelSpacing[0]) ** 2 == pytest.approx(INSERT.disc_area, rel=0.02)
    assert mean(ds, *INSERT.disc_centre, reach=6) == pytest.approx(INSERT.disc_hu, abs=3)


def test_rod_is_only_between_its_ends(series_of: SeriesOf) -> None:
    shown = [
        float(ds.ImagePositionPatient[2])
        for ds in series_of("ct-chest", "CT")
        if mean(ds, 0, INSERT.rod_y, reach=1) > 800
    ]
    assert (min(shown), max(shown)) == (81, 159)


def test_bleed_is_dense_and_ventricle_is_water(series_of: SeriesOf) -> None:
    slices = series_of("ct-head", "CT")
    assert mean(near(slices, head.BLEED[2]), *head.BLEED[:2]) == pytest.approx(70, abs=3)
    assert mean(near(slices, head.VENTRICLE[2]), *head.VENTRICLE[:2], reach=1) == pytest.approx(6, abs=5)


def test_water_is_dark_in_t1_and_bright_in_t2(series_of: SeriesOf) -> None:
    slices = series_of("mr-brain", "MR")
    t1 = near([ds for ds in slices if ds.SeriesNumber == 2], head.VENTRICLE[2])
    t2 = near([ds for ds in slices if ds.SeriesNumber == 3], head.VENTRICLE[2])
    row, column = pixel(t1, *head.VENTRICLE[:2])
    assert t1.pixel_array[row, column] < 250
    assert t2.pixel_array[row, column] > 800


def test_suv_by_body_weight_of_the_nodule(series_of: SeriesOf) -> None:
    """SUVbw as QIBA defines it for BQML and DecayCorrection START."""
    ds = near(series_of("pet-ct", "PT"), NODULE.centre[2])
    tracer = ds.RadiopharmaceuticalInformationSequence[0]
    started, injected = (seconds(t) for t in (ds.SeriesTime, tracer.RadiopharmaceuticalStartTime))
    dose = float(tracer.RadionuclideTotalDose) * 2 ** (-(started - injected) / float(tracer.RadionuclideHalfLife))
    suv = values(ds) * float(ds.PatientWeight) * 1000 / dose
    row, column = pixel(ds, *NODULE.centre[:2])
    assert ds.Units == "BQML"
    assert suv[row, column] == pytest.approx(suv.max(), rel=0.02)
    assert 7.5 < suv.max() <= 9.0


def seconds(time: str) -> int:
    return int(time[:2]) * 3600 + int(time[2:4]) * 60 + int(time[4:6])
