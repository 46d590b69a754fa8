"""What the viewers are given to show: one large CT, twenty studies, and a CT of 1,500 slices."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread
from pydicom.uid import generate_uid

from bench.work import cache_folder, ct_series, files, made

STUDIES = 20
SLICES_EACH = 60


@dataclass(frozen=True, slots=True)
class Work:
    """A folder of files that belong to one study."""

    folder: Path
    study: str
    images: int


def ct(slices: int = 400) -> Work:
    """The CT of so many slices of 512x512."""
    folder = ct_series() if slices == 400 else made(f"ct-{slices}", "ct-chest", "--slices", str(slices))
    return _work(folder)


def twenty() -> list[Work]:
    """Twenty studies of sixty slices, cut from the large one and named anew."""
    target = cache_folder() / f"twenty-{SLICES_EACH}"
    if not target.exists():
        half = target.with_name(f"{target.name}.half")
        for i in range(STUDIES):
            _rename(files(ct_series())[100 : 100 + SLICES_EACH], half / f"{i:02}", f"{target.name} {i}")
        half.rename(target)
    return [_work(folder) for folder in sorted(target.iterdir())]


def _rename(sources: list[Path], folder: Path, name: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, source in enumerate(sources):
        ds = dcmread(source)
        ds.StudyInstanceUID = generate_uid(entropy_srcs=[name])
        ds.SeriesInstanceUID = generate_uid(entropy_srcs=[name, "series"])
        ds.FrameOfReferenceUID = generate_uid(entropy_srcs=[name, "frame"])
        ds.SOPInstanceUID = generate_uid(entropy_srcs=[name, f" image {number}"])
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.save_as(folder / f"{number:04}.dcm")


def _work(folder: Path) -> Work:
    found = files(folder)
    return Work(folder, str(dcmread(found[0], stop_before_pixels=True).StudyInstanceUID), len(found))
