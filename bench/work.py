"""What is sent: made once by `sample_dicom`, kept in a cache folder between runs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def cache_folder() -> Path:
    """Return where prepared work is kept; may be deleted at any time."""
    folder = Path.home() / ".cache" / "filmless-bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def made(name: str, *arguments: str) -> Path:
    """Return a folder or file of `sample_dicom`, made once with these arguments."""
    target = cache_folder() / name
    if not target.exists():
        half = target.with_name(f"{name}.half")
        subprocess.run([sys.executable, "-m", "sample_dicom", arguments[0], str(half), *arguments[1:]], check=True)
        half.rename(target)
    return target


def ct_series() -> Path:
    """The 400-slice 512x512 CT series: 16 bit, explicit little endian, 210 MB."""
    return made("ct-400", "ct-chest", "--slices", "400", "--size", "512")


def small_series(number: int) -> Path:
    """One of several series of 100 objects of 64x64."""
    from sample_dicom.encode import write
    from sample_dicom.small import ct_slice

    target = cache_folder() / f"small-{number}"
    if not target.exists():
        half = target.with_name(target.name + ".half")
        half.mkdir(exist_ok=True)
        for i in range(100):
            ds = ct_slice(number=i + 1, patient_id=f"BENCH{number}", accession=f"B{number}")
            write(ds, half / f"{i:04}.dcm")
        half.rename(target)
    return target


def multiframe(megabytes: int = 2048) -> Path:
    """One multi-frame object of so many megabytes."""
    return made(f"multiframe-{megabytes}.dcm", "multiframe", "--megabytes", str(megabytes))


def many(studies: int) -> Path:
    """So many studies of one small image each."""
    return made(f"many-{studies}", "many", "--studies", str(studies))


def files(folder: Path) -> list[Path]:
    """Return the files of a series in order."""
    return sorted(folder.rglob("*.dcm"))
