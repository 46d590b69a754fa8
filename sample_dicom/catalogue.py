"""The committed set: which studies it holds, in which transfer syntaxes, and where each object lies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import JPEGLSLossless

from sample_dicom.encode import write
from sample_dicom.makers import ct_chest, dx_chest

STUDIES: dict[str, Callable[[], Iterator[Dataset]]] = {
    "ct-chest": lambda: ct_chest.datasets(ct_chest.STANDARD, JPEGLSLossless),
    "dx-chest": dx_chest.datasets,
}
"""Folder name of each study and what makes it."""


def write_study(name: str, folder: Path) -> Iterator[Path]:
    """Make the study `name` and write it below `folder`, one object at a time; yields each file written."""
    for ds in STUDIES[name]():
        yield write(ds, folder / name / f"{ds.Modality.lower()}{ds.SeriesNumber}-{ds.InstanceNumber:04d}.dcm")
