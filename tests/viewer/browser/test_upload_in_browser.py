"""Bringing files in, as a person does: files are chosen, each refused one is told."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, Route, expect

from storage.archive import Archive
from tests.support.objects import ct, write_file

SCREEN: dict[str, object] = {"viewport": {"width": 1200, "height": 800}}
STUDY = "1.2.826.0.1.3680043.10.999.55"


def _object(folder: Path, number: int) -> Path:
    uid = f"{STUDY}.1.{number}"
    return write_file(
        folder / f"{number}.dcm", ct(StudyInstanceUID=STUDY, SeriesInstanceUID=f"{STUDY}.1", SOPInstanceUID=uid)
    )


def test_files_a_zip_and_what_is_none(open_page: Callable[..., Page], live_archive: Archive, tmp_path: Path) -> None:
    files = [_object(tmp_path, number) for number in range(1, 6)]
    packed = tmp_path / "disc.zip"
    with zipfile.ZipFile(packed, "w") as z:
        z.write(_object(tmp_path / "more", 6), "6.dcm")
    text = tmp_path / "read me.txt"
    text.write_text("no object")
    page = open_page(SCREEN, "/upload", "en-GB")
    page.set_input_files("#files", [*files, packed, text])
    page.wait_for_selector("#state:has-text('7 of 7')")
    said = page.inner_text("#state")
    assert "6 images stored" in said
    assert "1 no DICOM files" in said
    assert page.locator("#refused tbody tr").count() == 1
    assert "read me.txt" in page.inner_text("#refused")
    assert live_archive.study(STUDY).number_of_instances == 6
    page.set_input_files("#files", files[:1])
    page.wait_for_selector("#state:has-text('1 were here already')")


def test_files_chosen_before_the_script_came(
    open_page: Callable[..., Page], live_archive: Archive, tmp_path: Path
) -> None:
    page = open_page(SCREEN, "/", "en-GB")
    held: list[Route] = []
    page.route("**/js/upload*.js*", lambda route: held.append(route))
    page.goto("/upload", wait_until="commit")
    files = [_object(tmp_path, number) for number in (11, 12)]
    page.set_input_files("#files", files)
    while not held:
        page.wait_for_timeout(20)
    held[0].continue_()
    expect(page.locator("#state")).to_contain_text("2 of 2")
    assert "2 images stored" in page.inner_text("#state")
    stored = {instance.sop_instance_uid for instance in live_archive.instances(f"{STUDY}.1")}
    assert {f"{STUDY}.1.11", f"{STUDY}.1.12"} <= stored
