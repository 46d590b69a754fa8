"""What the validator of DICOM objects says, and measurements as a browser sends them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedSRStorage

from storage.model import Instance
from tests.support.objects import STUDY, ct

SIDE = 64


def complaints(tool: str, path: Path) -> list[str]:
    """The errors of `dciodvfy`, which also calls some correct things unknown: those are warnings."""
    done = subprocess.run([tool, str(path)], capture_output=True, text=True, timeout=60, check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]


def sent(
    instance: str, kind: str, points: list[list[float]], uid: str = "2.25.1", name: str = "", frame: int = 1
) -> dict[str, Any]:
    """One measurement as JSON."""
    image = {"instance": instance, "frame": frame}
    return {"uid": uid, "kind": kind, "image": image, "points": points, "name": name}


ALL_KINDS: dict[str, list[list[float]]] = {
    "length": [[10, 10], [50, 10]],
    "angle": [[10, 10], [30, 10], [30, 40]],
    "cobb": [[10, 10], [30, 10], [10, 30], [30, 40]],
    "bidirectional": [[10, 10], [50, 10], [30, 8], [30, 12]],
    "ellipse": [[10, 30], [50, 30], [30, 20], [30, 40]],
    "rectangle": [[10, 10], [50, 10], [50, 30], [10, 30]],
    "freehand": [[10, 10], [50, 10], [30, 40]],
    "ratio": [[20, 30], [40, 30], [10, 32], [50, 32]],
    "arrow": [[30, 30], [40, 40]],
    "text": [[20, 20]],
}
"""Every kind with points that make sense on a picture of 64 x 64."""


def one_of_each(instance: str) -> list[dict[str, Any]]:
    """A measurement of every kind, each with a Vietnamese name."""
    return [
        sent(instance, kind, points, f"2.25.{number}", f"Nốt mờ {number}")
        for number, (kind, points) in enumerate(ALL_KINDS.items(), 1)
    ]


def slice_of(**attributes: object) -> Dataset:
    """A CT slice of 64 x 64 pixels of 0.5 mm (rows) x 0.25 mm (columns), each worth its column in HU."""
    values = np.tile(np.arange(SIDE, dtype="<i2"), (SIDE, 1))
    given: dict[str, object] = {
        "Rows": SIDE,
        "Columns": SIDE,
        "PixelData": values.tobytes(),
        "PixelSpacing": [0.5, 0.25],
        "RescaleIntercept": 0,
        "RescaleSlope": 1,
        "RescaleType": "HU",
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "ImagePositionPatient": [0, 0, 0],
        "FrameOfReferenceUID": "1.2.3.4",
        **attributes,
    }
    return ct(**{keyword: value for keyword, value in given.items() if value is not None})


def foreign_report(image: Instance) -> Dataset:
    """A report as another program might write it: older codes, a derivation, a circle, values without an image."""
    ds = ct(Rows=None, Columns=None, PixelData=None, SamplesPerPixel=None, PhotometricInterpretation=None)
    ds.SOPClassUID, ds.SOPInstanceUID = EnhancedSRStorage, "1.2.840.99.1"
    ds.SeriesInstanceUID, ds.StudyInstanceUID, ds.Modality = "1.2.840.99", STUDY, "SR"
    ds.ContentDate, ds.ContentTime = "20260201", "101500"
    ds.ValueType, ds.ConceptNameCodeSequence = "CONTAINER", [_code("126000", "DCM", "Imaging Measurement Report")]
    ends = _shape(image, "POLYLINE", [1, 1, 5, 1])
    circle = _shape(image, "CIRCLE", [30, 30, 30, 35])
    mean = _number("112031", "DCM", "Attenuation Coefficient", 40, "[hnsf'U]")
    derived = _item("CODE", "121401", "DCM", "Derivation")
    derived.ConceptCodeSequence = [_code("373098007", "SCT", "Mean")]
    mean.ContentSequence = [derived, circle]
    length = _number("G-D7FE", "SRT", "Length", 12, "mm")
    length.ContentSequence = [ends]
    groups = [
        _group("2.25.71", length),
        _group("2.25.72", mean),
        _group("2.25.73", _number("118565006", "SCT", "Volume", 3, "ml")),
        _group("2.25.74"),
    ]
    container = _item("CONTAINER", "126010", "DCM", "Imaging Measurements")
    container.ContentSequence = groups
    ds.ContentSequence = [container]
    return ds


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    ds = Dataset()
    ds.CodeValue, ds.CodingSchemeDesignator, ds.CodeMeaning = value, scheme, meaning
    return ds


def _item(kind: str, value: str, scheme: str, meaning: str) -> Dataset:
    ds = Dataset()
    ds.RelationshipType, ds.ValueType = "CONTAINS", kind
    ds.ConceptNameCodeSequence = [_code(value, scheme, meaning)]
    return ds


def _number(value: str, scheme: str, meaning: str, amount: float, unit: str) -> Dataset:
    ds = _item("NUM", value, scheme, meaning)
    measured = Dataset()
    measured.NumericValue = amount
    measured.MeasurementUnitsCodeSequence = [_code(unit, "UCUM", unit)]
    ds.MeasuredValueSequence = [measured]
    return ds


def _shape(image: Instance, graphic: str, data: list[float]) -> Dataset:
    ds = _item("SCOORD", "121055", "DCM", "Path")
    ds.RelationshipType, ds.GraphicType, ds.GraphicData = "INFERRED FROM", graphic, data
    reference, source = Dataset(), Dataset()
    reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = image.sop_class_uid, image.sop_instance_uid
    source.RelationshipType, source.ValueType, source.ReferencedSOPSequence = "SELECTED FROM", "IMAGE", [reference]
    ds.ContentSequence = [source]
    return ds


def _group(uid: str, *values: Dataset) -> Dataset:
    ds = _item("CONTAINER", "125007", "DCM", "Measurement Group")
    tracking = _item("UIDREF", "112040", "DCM", "Tracking Unique Identifier")
    tracking.UID = uid
    name = _item("TEXT", "112039", "DCM", "Tracking Identifier")
    name.TextValue = "Nodule"
    ds.ContentSequence = [name, tracking, *values]
    return ds


def sent_in_space(
    source: Instance,
    kind: str,
    points: list[list[float]],
    *,
    row: tuple[float, float, float] = (1, 0, 0),
    column: tuple[float, float, float] = (0, 0, -1),
    first: tuple[float, float, float] = (-12.5, 40.0, 7.25),
    **changes: object,
) -> dict[str, Any]:
    """One measurement on a made plane (coronal) as JSON; `points` in mm along its rows and columns from `first`."""
    space = [[f + x * r + y * c for f, r, c in zip(first, row, column, strict=True)] for x, y in points]
    plane = {
        "source": {"instance": source.sop_instance_uid, "frame": 1},
        "row": list(row),
        "column": list(column),
        "slab_mm": 0,
        "projection": "maximum",
    }
    return {
        "uid": "2.25.1",
        "kind": kind,
        "name": "Nốt mờ",
        "space": space,
        "frame_of_reference": "1.2.3.4",
        "plane": plane,
        **changes,
    }


GREY = [
    {"name": "mean", "value": 41.25, "unit": "[hnsf'U]"},
    {"name": "deviation", "value": 3.5, "unit": "[hnsf'U]"},
    {"name": "minimum", "value": -12, "unit": "[hnsf'U]"},
    {"name": "maximum", "value": 90, "unit": "[hnsf'U]"},
]
"""Grey values as a browser measures them on a made plane."""


def one_of_each_in_space(source: Instance) -> list[dict[str, Any]]:
    """A measurement of every kind on one coronal plane; regions with their grey values."""
    return [
        sent_in_space(
            source, kind, points, uid=f"2.25.{100 + number}", values=GREY if kind in ("ellipse", "freehand") else []
        )
        for number, (kind, points) in enumerate(ALL_KINDS.items())
    ]
