"""A body in three dimensions: presets, cuts, turning, and the way back."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, expect

from sample_dicom import studies_folder
from tests.support.hands import fine_after, styled
from tests.support.reading import Reader, study_of

HIDE = ".solid .controls, .solid .letter { opacity: 0 !important; }"


class Shown:
    """What is seen, each time after something was done to it."""

    def __init__(self, solid: Locator) -> None:
        self.solid, self.drawings = solid, 0

    def again(self) -> NDArray[np.int_]:
        """Wait for the picture that follows, and return it."""
        self.drawings = fine_after(self.solid.page, self.drawings)
        return np.asarray(Image.open(io.BytesIO(self.solid.locator("canvas").screenshot())).convert("RGB")).astype(int)


def share(picture: NDArray[np.int_]) -> float:
    """How much of the picture is not black."""
    return float((picture.max(axis=2) > 30).mean())


def test_presets_cuts_and_turning(room: Reader) -> None:
    room.open(study_of(studies_folder() / "ct-chest"))
    room.press("u")
    room.page.click("[data-action=solid]")
    solid = room.page.locator(".solid")
    styled(room, HIDE)
    seen, shown = Shown(solid), dict[str, NDArray[np.int_]]()
    for preset in ("bone", "vessels", "lung", "skin"):
        # It begins with bone.
        if shown:
            solid.locator(f"[data-preset={preset}]").click()
        shown[preset] = seen.again()
        assert share(shown[preset]) > 0.02, preset
    assert share(shown["skin"]) > share(shown["bone"])
    names = list(shown)
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            assert np.abs(shown[one] - shown[other]).mean() > 1, (one, other)
    assert solid.locator(".letter.left").inner_text() == "R"
    assert solid.locator(".letter.top").inner_text() == "H"
    solid.locator("[name=clip-top]").fill("0.5")
    cut = seen.again()
    height = cut.shape[0]
    assert share(cut[: height // 3]) < share(shown["skin"][: height // 3]) / 2, "the head's side is cut away"
    solid.focus()
    for _ in range(9):
        room.page.keyboard.press("ArrowRight")
    turned = seen.again()
    assert solid.locator(".letter.left").inner_text() != "R"
    assert np.abs(turned - cut).mean() > 1
    room.page.keyboard.press("Escape")
    expect(solid).to_have_count(0)
    expect(room.page.locator("[data-action=solid]")).to_be_focused()


def test_three_dimensions_that_do_not_come_are_told(room: Reader) -> None:
    room.open(study_of(studies_folder() / "ct-chest"), whole=False)
    room.press("u")
    room.page.route("**/Solid-*.js", lambda route: route.abort())
    room.page.click("[data-action=solid]")
    expect(room.page.locator(".side-panel [role=alert]")).to_contain_text("tải lại trang")
    room.wrong.clear()  # the browser's own words for what was cut
