"""PET over CT, by its own pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import expect
from pydicom import Dataset, dcmread

from sample_dicom import studies_folder
from tests.support.reading import Reader, study_of
from tests.support.volumes import sampled


def suv_slices() -> tuple[list[Dataset], NDArray[np.float64]]:
    """The PET of the samples from the feet up, and SUV by body weight (QIBA's formula) by (slice, row, column)."""
    found = sorted(
        (dcmread(path) for path in (studies_folder() / "pet-ct").glob("pt*.dcm")),
        key=lambda ds: float(ds.ImagePositionPatient[2]),
    )
    tracer = found[0].RadiopharmaceuticalInformationSequence[0]
    hours, minutes, seconds = (
        int(found[0].SeriesTime[i : i + 2]) - int(tracer.RadiopharmaceuticalStartTime[i : i + 2]) for i in (0, 2, 4)
    )
    waited = hours * 3600 + minutes * 60 + seconds
    dose = float(tracer.RadionuclideTotalDose) * 2 ** (-waited / float(tracer.RadionuclideHalfLife))
    factor = float(found[0].PatientWeight) * 1000 / dose
    return found, np.stack([ds.pixel_array * float(ds.RescaleSlope) * factor for ds in found])


FUSED = """canvas => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return { rows: canvas.height, columns: canvas.width, data: Array.from(data),
    transform: canvas.style.transform.match(/matrix\\(([^)]*)\\)/)[1].split(',').map(Number),
    matrix: { ...window.filmless.cell.matrix }, at: [...window.filmless.cell.facts.position],
    spacing: [window.filmless.cell.facts.spacing.row_mm, window.filmless.cell.facts.spacing.column_mm] };
}"""


def hot(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Black over red and yellow to white."""
    return np.stack([np.clip(share * 3 - step, 0, 1) for step in range(3)], axis=-1) * 255


def rainbow(share: NDArray[np.float64]) -> NDArray[np.float64]:
    """Blue over green to red."""
    return np.stack([np.clip(1.5 - np.abs(4 * share - peak), 0, 1) for peak in (3, 2, 1)], axis=-1) * 255


def test_pet_is_laid_over_ct_in_the_colours_of_its_suv(room: Reader) -> None:
    pet, suv = suv_slices()
    number = 1 + int(np.argmax(suv.max(axis=(1, 2))))
    room.open(study_of(studies_folder() / "pet-ct"))
    # What is not here yet is laid over later, in steps that nothing on the page tells.
    room.loaded_beside(str(pet[0].SeriesInstanceUID))
    room.page.evaluate(
        "z => { const { cell } = window.filmless;"
        " cell.go(cell.series.facts.findIndex((facts) => Math.abs(facts.position[2] - z) < 0.01)); }",
        float(pet[number - 1].ImagePositionPatient[2]),
    )
    room.press("j")
    room.page.locator("[data-fuse]").first.click()
    fusion = room.viewport.locator("canvas.fusion")
    expect(fusion).to_be_attached()
    for most, name, colours in ((8.0, "Nóng", hot), (5.0, "Cầu vồng", rainbow)):
        room.page.get_by_role("group", name="Bảng màu").get_by_role("button", name=name).click()
        room.page.locator("[name=fusion-most]").fill(str(most))
        expect(room.page.locator(".side-panel")).to_contain_text(f"SUV tối đa {most:g}")
        room.still()
        shown = fusion.evaluate(FUSED)
        rgba = np.array(shown["data"]).reshape(shown["rows"], shown["columns"], 4)
        # Its own pixels, brought to the screen by its transform and from there to the patient by the picture's matrix.
        a, b, c, d, e, f = shown["transform"]
        lines, places = np.mgrid[: shown["rows"], : shown["columns"]] + 0.5
        on = np.stack([a * places + c * lines + e, b * places + d * lines + f], axis=-1)
        m = shown["matrix"]
        stored = (on - (m["e"], m["f"])) @ np.linalg.inv(np.array([[m["a"], m["b"]], [m["c"], m["d"]]])).T
        row_mm, column_mm = shown["spacing"]
        x, y, z = shown["at"]
        at = np.stack(
            [x + (stored[..., 0] - 0.5) * column_mm, y + (stored[..., 1] - 0.5) * row_mm, np.full(lines.shape, z)],
            axis=-1,
        )
        share = np.nan_to_num(sampled(pet, suv, at)) / most
        clear = 255 * np.clip(share * 4, 0, 1)
        opacity = rgba[..., 3].max() / 255
        np.testing.assert_allclose(rgba[..., 3], clear * opacity, atol=3)
        strong = rgba[..., 3] > 90
        assert strong.sum() > 50
        # What lies under a half transparent colour is kept in steps of two or three.
        np.testing.assert_allclose(rgba[..., :3][strong], colours(np.clip(share, 0, 1))[strong], atol=6)
        assert np.ptp(rgba[..., :3][strong], axis=0).max() > 100, "more than one colour"
