"""The committed set: which studies it holds, in which transfer syntaxes, and where each object lies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless, RLELossless

from sample_dicom.encode import write
from sample_dicom.makers import (
    ct_chest,
    ct_head,
    documents,
    dx_chest,
    enhanced_ct,
    mammogram,
    mr_brain,
    pet_ct,
    us_cine,
)

STUDIES: dict[str, Callable[[], Iterator[Dataset]]] = {
    "ct-chest": lambda: chain(ct_chest.datasets(ct_chest.STANDARD, JPEGLSLossless), documents.chest_report()),
    "dx-chest": dx_chest.datasets,
    "ct-head": lambda: ct_head.datasets(JPEG2000Lossless),
    "mr-brain": lambda: chain(mr_brain.datasets(), documents.brain_pdf()),
    "mammogram": lambda: mammogram.datasets(JPEGLSLossless),
    "us-cine": us_cine.datasets,
    "enhanced-ct": lambda: enhanced_ct.datasets(RLELossless),
    "pet-ct": pet_ct.datasets,
}
"""Folder name of each study and what makes it."""


def write_study(name: str, folder: Path) -> Iterator[Path]:
    """Make the study `name` and write it below `folder`, one object at a time; yields each file written."""
    for ds in STUDIES[name]():
        yield write(ds, folder / name / f"{ds.Modality.lower()}{ds.SeriesNumber}-{ds.InstanceNumber:04d}.dcm")
