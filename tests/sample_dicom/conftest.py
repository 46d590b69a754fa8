from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread

import sample_dicom


@pytest.fixture(scope="session")
def dciodvfy() -> str:
    """The validator; where it is not installed the test is skipped, and with CI=true it fails."""
    path = shutil.which("dciodvfy")
    if path is None and os.environ.get("CI") == "true":
        pytest.fail("dciodvfy is not installed (Debian package dicom3tools)")
    if path is None:
        pytest.skip("dciodvfy is not installed (Debian package dicom3tools)")
    return path


@pytest.fixture(scope="session")
def studies() -> Path:
    return sample_dicom.studies_folder()


@pytest.fixture(scope="session")
def committed(studies: Path) -> dict[Path, Dataset]:
    """Every committed object, pixels included, by path."""
    return {path: dcmread(path) for path in sorted(studies.rglob("*.dcm"))}


@pytest.fixture(scope="session")
def series_of(committed: dict[Path, Dataset]) -> Callable[[str, str], list[Dataset]]:
    """The objects of one study folder and modality, by instance number."""

    def find(study: str, modality: str) -> list[Dataset]:
        found = [ds for path, ds in committed.items() if path.parent.name == study and ds.Modality == modality]
        return sorted(found, key=lambda ds: (ds.SeriesNumber, ds.InstanceNumber))

    return find
