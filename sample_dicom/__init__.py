"""Studies that the project makes itself: a small committed set, and the generator that made it."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def studies_folder() -> Path:
    """The folder of the committed set: one folder per study, `.dcm` files below."""
    return Path(str(files("sample_dicom"))) / "studies"
