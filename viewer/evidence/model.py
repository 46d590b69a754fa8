"""Measurements as the reading room speaks of them, and their JSON form, checked.

Every length, angle and grey value is computed here on the server from the points and the stored pixels
(`viewer.evidence.measure`); what a browser claims about values is not believed. The one exception are grey values on a
plane that the browser made: no stored image has those pixels, so they are kept as they were measured there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import Enum
from math import hypot
from typing import Any

from storage.uid import is_valid

NAME_MAX = 200
MEASUREMENTS_MAX = 500
POINTS_MAX = 2000
FRAME_MAX = 1 << 24
COORDINATE_MAX = 1e6
VALUE_MAX = 1e12

Point = tuple[float, float]
Vector = tuple[float, float, float]
"""A place of the patient in mm (x, y, z), or a direction."""


class InvalidReading(ValueError):
    """What was sent cannot be kept; `str()` names the field and the rule."""


class Kind(Enum):
    """What is measured or marked, and in which order its points stand."""

    LENGTH = "length"
    """The two ends."""
    ANGLE = "angle"
    """End, vertex, end."""
    COBB = "cobb"
    """Two lines: the ends of the first, the ends of the second."""
    BIDIRECTIONAL = "bidirectional"
    """Two axes: the ends of the long one, the ends of the short one."""
    ELLIPSE = "ellipse"
    """The ends of the major axis, the ends of the minor axis (as GraphicType ELLIPSE, PS3.3 C.18.6.1.2)."""
    RECTANGLE = "rectangle"
    """The four corners in turn."""
    FREEHAND = "freehand"
    """A closed outline; the first point is not repeated."""
    RATIO = "ratio"
    """Cardiothoracic ratio: the ends of the heart's width, the ends of the inner width of the thorax."""
    ARROW = "arrow"
    """Tip and tail."""
    TEXT = "text"
    """Where the text points to."""
    OTHER = "other"
    """Only read, never made here: values or shapes of other programs."""


POINT_COUNTS: Mapping[Kind, tuple[int, int]] = {
    Kind.LENGTH: (2, 2),
    Kind.ANGLE: (3, 3),
    Kind.COBB: (4, 4),
    Kind.BIDIRECTIONAL: (4, 4),
    Kind.ELLIPSE: (4, 4),
    Kind.RECTANGLE: (4, 4),
    Kind.FREEHAND: (3, POINTS_MAX),
    Kind.RATIO: (4, 4),
    Kind.ARROW: (2, 2),
    Kind.TEXT: (1, 1),
}
"""How many points each kind that can be made has, at least and at most."""

REGIONS = frozenset({Kind.ELLIPSE, Kind.RECTANGLE, Kind.FREEHAND})
"""Kinds that enclose pixels."""
MARKS = frozenset({Kind.ARROW, Kind.TEXT})
"""Kinds that measure nothing."""
GREY = ("mean", "deviation", "minimum", "maximum")
"""Values of the pixels inside a region."""
PROJECTIONS = ("maximum", "minimum", "mean")
"""What becomes of the values through the thickness of a slab."""
SLAB_MAX_MM = 1000.0
UNIT_MAX = 16
"""Characters of a code (SH, PS3.5 6.2)."""
_UNIT_OFF = 1e-6


@dataclass(frozen=True, slots=True)
class ImageRef:
    """A frame (from 1) of an instance."""

    instance: str
    frame: int = 1


@dataclass(frozen=True, slots=True)
class Value:
    """One number: `name` as in `viewer.evidence.codes`, `unit` in UCUM."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class MadePlane:
    """A plane through a series that was made for looking, and is no stored image.

    `row` and `column` are unit directions in the patient, of a row and of a column of the picture; `slab_mm` is its
    thickness (0 for a thin one) and `projection`, one of `PROJECTIONS`, what was shown of it. `source` is the stored
    image that lies nearest to what was measured.
    """

    source: ImageRef
    row: Vector
    column: Vector
    slab_mm: float = 0.0
    projection: str = PROJECTIONS[0]


@dataclass(frozen=True, slots=True)
class Measurement:
    """Something measured or marked on one frame, or in space.

    `uid` is the Tracking Unique Identifier: the same in every later version. `status` says what lengths are true of,
    as `viewer.rendering.Spacing` does. In space (SCOORD3D) there are no `points` and no `image`; `space` holds the
    points in mm of the patient in their place, in the order of `kind`, and `frame_of_reference` theirs. `plane` is the
    one that it was drawn on; another program may not have said it.
    """

    uid: str
    kind: Kind
    image: ImageRef | None
    points: tuple[Point, ...]
    name: str = ""
    values: tuple[Value, ...] = ()
    status: str = ""
    space: tuple[Vector, ...] = ()
    frame_of_reference: str = ""
    plane: MadePlane | None = None

    @property
    def stored_image(self) -> ImageRef | None:
        """The stored image that it is on, or that lies nearest to its plane."""
        return self.plane.source if self.plane else self.image

    def json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {**asdict(self), "kind": self.kind.value}


def read_measurements(body: object) -> tuple[Measurement, ...]:
    """Return the measurements of a request; `InvalidReading` names what is wrong."""
    if not isinstance(body, list):
        raise InvalidReading("measurements: a list is needed")
    if len(body) > MEASUREMENTS_MAX:
        raise InvalidReading(f"measurements: at most {MEASUREMENTS_MAX} can be kept in one document")
    found = tuple(_measurement(item, f"measurements[{i}]") for i, item in enumerate(body))
    if len({m.uid for m in found}) < len(found):
        raise InvalidReading("measurements: each needs a uid of its own")
    return found


def _measurement(item: object, where: str) -> Measurement:
    if not isinstance(item, dict):
        raise InvalidReading(f"{where}: an object is needed")
    kind = _kind(item.get("kind"), where)
    name = read_text(item.get("name", ""), f"{where}.name", NAME_MAX)
    if kind is Kind.TEXT and not name:
        raise InvalidReading(f"{where}.name: a text without words says nothing")
    uid = read_uid(item.get("uid"), f"{where}.uid")
    if item.get("plane") is not None:
        return _in_space(item, uid, kind, name, where)
    points = read_points(item.get("points"), f"{where}.points", *POINT_COUNTS[kind])
    return Measurement(uid, kind, read_image(item.get("image"), where), points, name)


def _in_space(item: dict[str, Any], uid: str, kind: Kind, name: str, where: str) -> Measurement:
    """A measurement on a plane that is no stored image."""
    least, most = POINT_COUNTS[kind]
    places = _list_of(item.get("space"), f"{where}.space", least, most)
    return Measurement(
        uid,
        kind,
        image=None,
        points=(),
        name=name,
        values=_grey(item.get("values", []), f"{where}.values") if kind in REGIONS else (),
        space=tuple(_vector(place, f"{where}.space[{i}]") for i, place in enumerate(places)),
        frame_of_reference=read_uid(item.get("frame_of_reference"), f"{where}.frame_of_reference"),
        plane=_plane(item["plane"], f"{where}.plane"),
    )


def _plane(value: object, where: str) -> MadePlane:
    if not isinstance(value, dict):
        raise InvalidReading(f"{where}: an object is needed")
    row, column = _vector(value.get("row"), f"{where}.row"), _vector(value.get("column"), f"{where}.column")
    if not are_directions(row, column):
        raise InvalidReading(f"{where}: row and column must be of length 1 and at right angles")
    slab = read_number(value.get("slab_mm", 0), f"{where}.slab_mm", SLAB_MAX_MM)
    projection = value.get("projection", PROJECTIONS[0])
    if slab < 0 or projection not in PROJECTIONS:
        raise InvalidReading(f"{where}: a slab of 0 mm or more, shown as one of {', '.join(PROJECTIONS)}, is needed")
    return MadePlane(read_image(value.get("source"), f"{where}.source"), row, column, slab, projection)


def are_directions(row: Vector, column: Vector) -> bool:
    """Tell whether two vectors are of length 1 and at right angles, as the directions of a picture are."""
    lengths = abs(hypot(*row) - 1) < _UNIT_OFF and abs(hypot(*column) - 1) < _UNIT_OFF
    return lengths and abs(sum(a * b for a, b in zip(row, column, strict=True))) < _UNIT_OFF


def _grey(value: object, where: str) -> tuple[Value, ...]:
    """Grey values as the browser measured them, in our order."""
    found = [_value(item, f"{where}[{i}]") for i, item in enumerate(_list_of(value, where, 0, len(GREY), "values"))]
    return tuple(sorted(found, key=lambda one: GREY.index(one.name)))


def _value(item: object, where: str) -> Value:
    if not isinstance(item, dict) or item.get("name") not in GREY:
        raise InvalidReading(f"{where}.name: one of {', '.join(GREY)} is needed")
    unit = read_text(item.get("unit"), f"{where}.unit", UNIT_MAX)
    if not unit or not unit.isascii() or " " in unit or "\\" in unit:
        raise InvalidReading(f"{where}.unit: a UCUM code is needed")
    return Value(item["name"], read_number(item.get("value"), f"{where}.value", VALUE_MAX), unit)


def _kind(value: object, where: str) -> Kind:
    names = {kind.value: kind for kind in POINT_COUNTS}
    if not isinstance(value, str) or value not in names:
        raise InvalidReading(f"{where}.kind: one of {', '.join(names)} is needed")
    return names[value]


def read_uid(value: object, where: str) -> str:
    """Return a UID (PS3.5 9.1)."""
    if not isinstance(value, str) or not is_valid(value):
        raise InvalidReading(f"{where}: a UID is needed")
    return value


def read_image(value: object, where: str) -> ImageRef:
    """Return the frame that is named as `{"instance": UID, "frame": from 1}`."""
    if not isinstance(value, dict):
        raise InvalidReading(f"{where}.image: instance and frame are needed")
    frame = value.get("frame", 1)
    if not isinstance(frame, int) or isinstance(frame, bool) or not 1 <= frame <= FRAME_MAX:
        raise InvalidReading(f"{where}.image.frame: a whole number from 1 is needed")
    return ImageRef(read_uid(value.get("instance"), f"{where}.image.instance"), frame)


def read_points(value: object, where: str, least: int, most: int) -> tuple[Point, ...]:
    """Return points given as `[[x, y], ...]`."""
    found = _list_of(value, where, least, most)
    return tuple(_point(pair, f"{where}[{i}]") for i, pair in enumerate(found))


def _list_of(value: object, where: str, least: int, most: int, what: str = "points") -> list[Any]:
    if not isinstance(value, list) or not least <= len(value) <= most:
        count = str(least) if least == most else f"{least} to {most}"
        raise InvalidReading(f"{where}: {count} {what} are needed")
    return value


def _vector(value: object, where: str) -> Vector:
    if not isinstance(value, list) or len(value) != 3:
        raise InvalidReading(f"{where}: [x, y, z] is needed")
    x, y, z = (read_number(part, where) for part in value)
    return x, y, z


def _point(pair: object, where: str) -> Point:
    if not isinstance(pair, list) or len(pair) != 2:
        raise InvalidReading(f"{where}: [x, y] is needed")
    return read_number(pair[0], where), read_number(pair[1], where)


def read_number(value: object, where: str, limit: float = COORDINATE_MAX) -> float:
    """Return a finite number no further from 0 than `limit`."""
    # Compared as it is: a whole number of hundreds of digits is no float, and what is no number is within nothing.
    if isinstance(value, bool) or not isinstance(value, int | float) or not -limit <= value <= limit:
        raise InvalidReading(f"{where}: a number is needed")
    return float(value)


def read_text(value: object, where: str, most: int) -> str:
    """Return text without control characters, trimmed."""
    if not isinstance(value, str) or len(value) > most:
        raise InvalidReading(f"{where}: text of at most {most} characters is needed")
    return "".join(c for c in value if c.isprintable()).strip()


def object_of(body: object, allowed: Sequence[str]) -> dict[str, Any]:
    """Return a JSON object that has no other names than `allowed`, so that a misspelt one is not silently lost."""
    if not isinstance(body, dict):
        raise InvalidReading("a JSON object is needed")
    unknown = sorted(set(body) - set(allowed))
    if unknown:
        raise InvalidReading(f"{unknown[0][:40]!r} is not known here; {', '.join(allowed)} are")
    return body
