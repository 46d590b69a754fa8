"""Real World Value Mapping (PS3.3 C.7.6.16.2.11): what the values of a frame measure, as the object says it.

It stands beside the modality transformation and maps stored values; windows stay in modality values. Only straight
lines are read: an object may also bring a table (Real World Value LUT Data), whose values are then not told.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from viewer.rendering.attributes import items, number, text
from viewer.rendering.modality import Modality

_NO_UNITS = ("", "1")


@dataclass(frozen=True, slots=True)
class RealWorld:
    """`modality value * slope + intercept` in `unit` (UCUM; empty for a plain number); `name` says of what."""

    slope: float
    intercept: float
    unit: str
    name: str


def read_real_world(ds: Dataset, index: int, modality: Modality) -> RealWorld | None:
    """Return the first straight mapping of frame `index` (from 0); None where there is none that can be told."""
    if modality.table is not None:
        return None
    for item in _mappings(ds, index):
        slope, intercept = number(item, "RealWorldValueSlope"), number(item, "RealWorldValueIntercept")
        if not slope or intercept is None:
            continue
        per_modality = slope / modality.slope
        return RealWorld(per_modality, intercept - per_modality * modality.intercept, _unit(item), _name(item))
    return None


def _mappings(ds: Dataset, index: int) -> tuple[Dataset, ...]:
    """All mappings of a frame: of its functional groups, else of the plain object."""
    groups = (
        *items(ds, "PerFrameFunctionalGroupsSequence")[index : index + 1],
        *items(ds, "SharedFunctionalGroupsSequence")[:1],
        ds,
    )
    return next((found for group in groups if (found := items(group, "RealWorldValueMappingSequence"))), ())


def _unit(item: Dataset) -> str:
    code = items(item, "MeasurementUnitsCodeSequence")
    unit = text(code[0], "CodeValue") if code else ""
    return "" if unit in _NO_UNITS else unit


def _name(item: Dataset) -> str:
    """What is measured: the quantity's own name, else the label (a short code of the device)."""
    for definition in items(item, "QuantityDefinitionSequence"):
        for code in items(definition, "ConceptCodeSequence"):
            if meaning := text(code, "CodeMeaning"):
                return meaning
    return text(item, "LUTExplanation") or text(item, "LUTLabel")
