"""Measurements out of structured reports, ours and others': as far as TID 1500 goes, and without complaint beyond.

Strict on writing, tolerant here: a group that makes no sense is left out and counted, the others are still read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import hypot

from pydicom.dataset import Dataset

from viewer.evidence import codes
from viewer.evidence.model import ImageRef, Kind, MadePlane, Measurement, Value
from viewer.evidence.report_write import TOOLS
from viewer.evidence.space import plane_of
from viewer.rendering.attributes import integer, items, number, numbers, text

GROUPS_MAX = 2000
_KINDS = {tool.partition(":")[2].casefold(): kind for kind, tool in TOOLS.items()}
_EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Report:
    """What a document holds: the measurements, and how many groups could not be understood."""

    measurements: tuple[Measurement, ...]
    left_out: int


Place = tuple[float, ...]
"""Two numbers on an image, three in space."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Coordinates of one content item: on an image, or in space."""

    graphic: str
    points: tuple[Place, ...]
    image: ImageRef | None = None
    is_space: bool = False
    frame_of_reference: str = ""


def is_measurement_report(ds: Dataset) -> bool:
    """Tell whether a document follows TID 1500, by its template or its container of measurements."""
    template = items(ds, "ContentTemplateSequence")
    return bool(template and text(template[0], "TemplateIdentifier") == "1500") or bool(_measurements_of(ds))


def read_report(ds: Dataset) -> Report:
    """Return the measurements of a document."""
    found: list[Measurement] = []
    left_out = 0
    for group in islice(_groups(ds), GROUPS_MAX):
        if _tool(group) == _EMPTY:
            continue
        measurement = _measurement(group)
        if measurement is None:
            left_out += 1
        else:
            found.append(measurement)
    return Report(tuple(found), left_out)


def _groups(ds: Dataset) -> Iterator[Dataset]:
    for container in _measurements_of(ds):
        yield from (item for item in items(container, "ContentSequence") if _is(item, codes.MEASUREMENT_GROUP))


def _measurements_of(ds: Dataset) -> list[Dataset]:
    return [item for item in items(ds, "ContentSequence") if _is(item, codes.IMAGING_MEASUREMENTS)]


def _measurement(group: Dataset) -> Measurement | None:
    content = items(group, "ContentSequence")
    values, shapes = _values(content), list(_shapes(content))
    uid = next((text(item, "UID") for item in content if _is(item, codes.TRACKING_UID)), "")
    if not uid or not (values or shapes):
        return None
    kind = _KINDS.get(_tool(group)) or _guess(shapes, values)
    first = shapes[0] if shapes else Shape("", ())
    points, kind = _points(kind, [shape for shape in shapes if shape.is_space == first.is_space])
    return Measurement(
        uid=uid,
        kind=kind,
        image=None if first.is_space else first.image,
        points=() if first.is_space else tuple((x, y) for x, y in points),
        name=_name(content, group),
        values=values,
        space=tuple((x, y, z) for x, y, z in points) if first.is_space else (),
        frame_of_reference=first.frame_of_reference,
        plane=_plane(content) if first.is_space else None,
    )


def _plane(content: tuple[Dataset, ...]) -> MadePlane | None:
    """The plane that it was seen on, where the document is ours."""
    words = next((text(item, "TextValue") for item in content if _is(item, codes.PLANE)), "")
    source = next((_referenced(item) for item in content if _is(item, codes.SOURCE_IMAGE)), None)
    return plane_of(words, source) if source else None


def _tool(group: Dataset) -> str:
    """What the tracking identifier calls the tool, folded: `length` of `Cornerstone3DTools@^0.1.0:Length`."""
    for item in items(group, "ContentSequence"):
        if _is(item, codes.TRACKING_IDENTIFIER):
            maker, colon, tool = text(item, "TextValue").partition(":")
            known = maker.casefold().startswith(("cornerstone", "filmless"))
            return tool.partition(":")[0].casefold() if colon and known else ""
    return ""


def _name(content: tuple[Dataset, ...], group: Dataset) -> str:
    """The reader's own words; else what was found where; else the identifier of a maker that we do not know."""
    comment = next((text(item, "TextValue") for item in content if _is(item, codes.COMMENT)), "")
    if comment:
        return comment
    words = [_meaning(item) for code in (codes.FINDING, codes.FINDING_SITE) for item in content if _is(item, code)]
    if any(words):
        return ", ".join(filter(None, words))
    identifiers = [text(item, "TextValue") for item in content if _is(item, codes.TRACKING_IDENTIFIER)]
    return identifiers[0] if identifiers and ":" not in identifiers[0] else ""


def _meaning(item: Dataset) -> str:
    found = items(item, "ConceptCodeSequence")
    # A finding of ours is the kind of measurement, which is no name.
    is_kind = bool(found) and text(found[0], "CodingSchemeDesignator") == codes.PRIVATE
    return text(found[0], "CodeMeaning") if found and not is_kind else ""


# ---- values


def _values(content: tuple[Dataset, ...]) -> tuple[Value, ...]:
    return tuple(value for item in content if text(item, "ValueType") == "NUM" and (value := _value(item)))


def _value(item: Dataset) -> Value | None:
    measured = items(item, "MeasuredValueSequence")
    amount = number(measured[0], "NumericValue") if measured else None
    if amount is None:
        return None
    unit = items(measured[0], "MeasurementUnitsCodeSequence")
    return Value(_concept(item), amount, text(unit[0], "CodeValue") if unit else "")


def _concept(item: Dataset) -> str:
    """Our name of what was measured; another document's own words where we have none.

    A derivation (mean of an attenuation coefficient) is more telling than the concept it modifies.
    """
    for modifier in items(item, "ContentSequence"):
        if _is(modifier, codes.DERIVATION):
            found = items(modifier, "ConceptCodeSequence")
            if found:
                return _known(found[0])
    found = items(item, "ConceptNameCodeSequence")
    return _known(found[0]) if found else ""


def _known(code: Dataset) -> str:
    value, scheme = text(code, "CodeValue"), text(code, "CodingSchemeDesignator")
    for name, concept in codes.CONCEPTS.items():
        if (value, scheme) == (concept.value, concept.scheme_designator):
            return name
    return codes.OLDER_CODES.get((value, scheme)) or text(code, "CodeMeaning")


# ---- coordinates


def _shapes(content: tuple[Dataset, ...]) -> Iterator[Shape]:
    """Coordinates of the group itself (TID 1410), then those of its values (TID 300), each shape once."""
    seen: set[tuple[str, tuple[Place, ...]]] = set()
    nested = [child for item in content if text(item, "ValueType") == "NUM" for child in items(item, "ContentSequence")]
    for item in (*content, *nested):
        shape = _shape(item)
        if shape is not None and (key := (shape.graphic, shape.points)) not in seen:
            seen.add(key)
            yield shape


def _shape(item: Dataset) -> Shape | None:
    kind, data = text(item, "ValueType"), numbers(item, "GraphicData")
    graphic = text(item, "GraphicType")
    if kind == "SCOORD" and data and len(data) % 2 == 0:
        return Shape(graphic, tuple(zip(data[::2], data[1::2], strict=True)), _reference(item))
    if kind == "SCOORD3D" and data and len(data) % 3 == 0:
        space = tuple(zip(data[::3], data[1::3], data[2::3], strict=True))
        return Shape(graphic, space, None, True, text(item, "ReferencedFrameOfReferenceUID"))
    return None


def _reference(item: Dataset) -> ImageRef | None:
    return next((found for child in items(item, "ContentSequence") if (found := _referenced(child))), None)


def _referenced(item: Dataset) -> ImageRef | None:
    for reference in items(item, "ReferencedSOPSequence"):
        uid = text(reference, "ReferencedSOPInstanceUID")
        if uid:
            return ImageRef(uid, integer(reference, "ReferencedFrameNumber") or 1)
    return None


def _guess(shapes: list[Shape], values: tuple[Value, ...]) -> Kind:
    """What another program's group is most like, by its shapes and values."""
    if not shapes:
        return Kind.OTHER
    names = {value.name for value in values}
    graphic, count = shapes[0].graphic, len(shapes[0].points)
    if {"long_axis", "short_axis"} <= names and len(shapes) == 2:
        return Kind.BIDIRECTIONAL
    if graphic in ("ELLIPSE", "CIRCLE"):
        return Kind.ELLIPSE
    if graphic == "POINT":
        return Kind.TEXT
    if graphic not in ("POLYLINE", "POLYGON"):
        return Kind.OTHER
    if count == 2:
        return Kind.LENGTH if values else Kind.ARROW
    if names & {"angle", "cobb_angle"} and count in (3, 4):
        return Kind.COBB if count == 4 and "cobb_angle" in names else Kind.ANGLE
    return Kind.FREEHAND if count >= 4 and shapes[0].points[0] == shapes[0].points[-1] else Kind.OTHER


def _points(kind: Kind, shapes: list[Shape]) -> tuple[tuple[Place, ...], Kind]:
    """Return the points as our kinds order them; another kind where they do not fit."""
    if not shapes:
        return (), kind
    points = shapes[0].points
    if kind is Kind.ANGLE and len(points) == 4:
        return (points[0], points[1], points[3]), kind
    if kind in (Kind.BIDIRECTIONAL, Kind.RATIO):
        pairs = [shape.points for shape in shapes if len(shape.points) == 2]
        both = tuple(point for pair in pairs[:2] for point in pair)
        whole = next((shape.points for shape in shapes if len(shape.points) == 4), both)
        return (whole, kind) if len(whole) == 4 else (points, Kind.OTHER)
    if kind is Kind.ELLIPSE and shapes[0].graphic == "CIRCLE" and not shapes[0].is_space and len(points) == 2:
        return _circle(*points), kind
    if kind in (Kind.RECTANGLE, Kind.FREEHAND) and len(points) > 3 and points[0] == points[-1]:
        return points[:-1], kind
    return points, kind


def _circle(centre: Place, edge: Place) -> tuple[Place, ...]:
    """A circle on an image is given by its centre and a point of it (PS3.3 C.18.6.1.2); in space there is none."""
    (x, y), r = centre, hypot(edge[0] - centre[0], edge[1] - centre[1])
    return (x - r, y), (x + r, y), (x, y - r), (x, y + r)


def _is(item: Dataset, code: codes.Code) -> bool:
    names = items(item, "ConceptNameCodeSequence")
    return bool(names) and text(names[0], "CodeValue") == code.value
