"""Stored values to modality values: Modality LUT Sequence or rescale (PS3.3 C.11.1), per frame (C.7.6.16.2.9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from viewer.rendering.attributes import items, macro, number, text
from viewer.rendering.lut import LookupTable, read_table


@dataclass(frozen=True, slots=True)
class Modality:
    """Either a table, or `value * slope + intercept`. `unit` is DICOM's (HU, OD, BQML...), empty if unsaid."""

    slope: float = 1.0
    intercept: float = 0.0
    unit: str = ""
    table: LookupTable | None = None

    def apply(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Modality values, float64, of any stored values."""
        if self.table is not None:
            return self.table.apply(values)
        return values.astype(np.float64) * self.slope + self.intercept

    @property
    def is_identity(self) -> bool:
        """Whether modality values are the stored values."""
        return self.table is None and self.slope == 1 and self.intercept == 0


def read_modality(ds: Dataset, index: int, signed: bool, little_endian: bool) -> Modality:
    """The modality transformation of frame `index`."""
    tables = items(ds, "ModalityLUTSequence")
    if tables:
        table = read_table(tables[0], signed, little_endian)
        return Modality(table=table, unit=_unit(ds, text(tables[0], "ModalityLUTType")))
    source = macro(ds, index, "PixelValueTransformationSequence")
    slope, intercept = number(source, "RescaleSlope"), number(source, "RescaleIntercept")
    unit = _unit(ds, text(source, "RescaleType"))
    # A slope of 0 would make every pixel alike; it is taken as missing.
    return Modality(slope or 1.0, intercept or 0.0, unit)


def _unit(ds: Dataset, stated: str) -> str:
    """The unit as stated; else Hounsfield for CT (C.8.2.1) and Units for PET (C.8.9.1)."""
    if stated and stated != "US":  # US means unspecified
        return stated
    if text(ds, "Modality") == "CT" and not stated and number(ds, "RescaleIntercept") is not None:
        return "HU"
    return text(ds, "Units")
