"""From points to values: what a measurement comes to on its frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pydicom.dataset import Dataset

from viewer.evidence import pixels, plane
from viewer.evidence.model import MARKS, REGIONS, Kind, MadePlane, Measurement, Point, Value
from viewer.evidence.plane import DEGREES, NO_UNIT, Scale
from viewer.evidence.space import in_space, on_plane
from viewer.rendering import Prepared, Region, Spacing
from viewer.rendering.spacing import PATIENT, read_aspect, read_regions, read_spacing

UNITS = {
    "HU": "[hnsf'U]",
    "BQML": "Bq/ml",
    "GML": "g/ml",
    "OD": "[OD]",
    "PCT": "%",
    "CNTS": "{counts}",
    "CPS": "{counts}/s",
}
"""UCUM for DICOM's units of pixel values (Rescale Type, Units of PET); any other becomes an annotation."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What a frame says about lengths."""

    spacing: Spacing
    regions: tuple[Region, ...]
    aspect: float

    def scale(self, points: tuple[Point, ...]) -> Scale:
        """Return the scale that holds at `points`."""
        return plane.scale_for(points, self.spacing, self.regions, self.aspect)


def ground_of(ds: Dataset, index: int) -> Ground:
    """Return the ground of frame `index` (from 0)."""
    return Ground(read_spacing(ds, index), read_regions(ds), read_aspect(ds, index))


def measured(measurement: Measurement, ground: Ground, prepared: Prepared | None) -> Measurement:
    """Return `measurement` with its values; those of pixels only with `prepared`, which regions need."""
    scale = ground.scale(measurement.points)
    measurement = _long_axis_first(measurement, scale)
    values = _values(measurement, scale)
    if measurement.kind in REGIONS and prepared is not None:
        values += _grey_values(measurement, prepared)
    status = "" if measurement.kind in MARKS else scale.status
    return replace(measurement, values=values, status=status)


def measured_on(measurement: Measurement, plane: MadePlane) -> Measurement:
    """Return a measurement in space with its values, its points laid flat on `plane`.

    Lengths, angles and areas follow from the points; grey values stay as they came, for no stored image has them.
    """
    scale = Scale(1.0, 1.0, is_mm=True, status=PATIENT)
    flat = _long_axis_first(replace(measurement, points=on_plane(measurement.space, plane)), scale)
    return replace(
        measurement,
        space=in_space(flat.points, measurement.space[0], plane),
        values=_values(flat, scale) + measurement.values,
        status="" if measurement.kind in MARKS else scale.status,
    )


def _long_axis_first(measurement: Measurement, scale: Scale) -> Measurement:
    """An ellipse and a pair of axes begin with the longer one (PS3.3 C.18.6.1.2)."""
    p = measurement.points
    if measurement.kind not in (Kind.ELLIPSE, Kind.BIDIRECTIONAL):
        return measurement
    if plane.distance(p[0], p[1], scale) >= plane.distance(p[2], p[3], scale):
        return measurement
    return replace(measurement, points=(*p[2:], *p[:2]))


def _values(measurement: Measurement, scale: Scale) -> tuple[Value, ...]:
    points, unit = measurement.points, scale.length_unit
    match measurement.kind:
        case Kind.LENGTH:
            return (Value("length", plane.distance(points[0], points[1], scale), unit),)
        case Kind.ANGLE:
            return (Value("angle", plane.angle(points[0], points[1], points[2], scale), DEGREES),)
        case Kind.COBB:
            return (Value("cobb_angle", plane.lines_angle(points[:2], points[2:], scale), DEGREES),)
        case Kind.BIDIRECTIONAL:
            long, short = (plane.distance(points[i], points[i + 1], scale) for i in (0, 2))
            return Value("long_axis", long, unit), Value("short_axis", short, unit)
        case Kind.RATIO:
            return _ratio(points, scale)
        case Kind.ELLIPSE:
            return (Value("area", plane.ellipse_area(points, scale), scale.area_unit),)
        case Kind.RECTANGLE | Kind.FREEHAND:
            return (Value("area", plane.polygon_area(points, scale), scale.area_unit),)
        case _:
            return ()


def _ratio(points: tuple[Point, ...], scale: Scale) -> tuple[Value, ...]:
    """The ratio needs no mm: both widths are measured at the same detector, so its magnification cancels."""
    heart, thorax = plane.distance(points[0], points[1], scale), plane.distance(points[2], points[3], scale)
    widths = (Value("heart_width", heart, scale.length_unit), Value("thorax_width", thorax, scale.length_unit))
    return (Value("cardiothoracic_ratio", heart / thorax, NO_UNIT), *widths) if thorax else widths


def _grey_values(measurement: Measurement, prepared: Prepared) -> tuple[Value, ...]:
    if prepared.grey is None:
        return ()
    rows, columns = prepared.stored.shape[:2]
    shape = pixels.ellipse if measurement.kind is Kind.ELLIPSE else pixels.polygon
    found = pixels.statistics(prepared.grey, shape(measurement.points, rows, columns))
    if found is None:
        return ()
    unit = unit_of(prepared.modality.unit)
    return (
        Value("mean", found.mean, unit),
        Value("deviation", found.deviation, unit),
        Value("minimum", found.minimum, unit),
        Value("maximum", found.maximum, unit),
    )


def unit_of(stated: str) -> str:
    """Return the UCUM unit for DICOM's unit of pixel values; no unit where none is stated."""
    if not stated:
        return NO_UNIT
    plain = "".join(c for c in stated if c.isascii() and c.isalnum()) or "pixel"
    return UNITS.get(stated, f"{{{plain[:14]}}}")
