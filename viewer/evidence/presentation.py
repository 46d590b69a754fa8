"""A view as the reading room speaks of it: window, turn, part of the picture and graphics, and its JSON form, checked.

`flip` and `rotation` are those of `viewer.rendering.Pose`: first mirrored left to right, then turned clockwise.
`area` is (left, top, right, bottom) in the stored picture, in points as `viewer.evidence` counts them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from viewer.evidence.model import (
    ImageRef,
    InvalidReading,
    Measurement,
    Point,
    object_of,
    read_image,
    read_measurements,
    read_number,
    read_text,
)

NAME_MAX = 60
FUNCTIONS = ("LINEAR", "LINEAR_EXACT", "SIGMOID")
_FIELDS = ("name", "image", "window", "invert", "rotation", "flip", "area", "measurements", "based_on")


@dataclass(frozen=True, slots=True)
class Voi:
    """A window (PS3.3 C.11.2.1.2)."""

    center: float
    width: float
    function: str = "LINEAR"


@dataclass(frozen=True, slots=True)
class Graphic:
    """A shape: Graphic Type of PS3.3 C.10.5.2; `is_on_image` False where it is relative to the screen."""

    type: str
    points: tuple[Point, ...]
    filled: bool = False
    is_on_image: bool = True


@dataclass(frozen=True, slots=True)
class Words:
    """Text on the picture: at an anchor, or in a box of two corners."""

    text: str
    points: tuple[Point, ...]
    is_on_image: bool = True


@dataclass(frozen=True, slots=True)
class View:
    """How images are to be shown."""

    name: str
    images: tuple[ImageRef, ...]
    window: Voi | None = None
    invert: bool = False
    rotation: int = 0
    flip: bool = False
    area: tuple[float, float, float, float] | None = None
    graphics: tuple[Graphic, ...] = ()
    texts: tuple[Words, ...] = ()

    def json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks to keep: a view, and the measurements that are to be drawn on it."""

    view: View
    measurements: tuple[Measurement, ...]


def read_view(body: object) -> Wanted:
    """Return the view of a request; `InvalidReading` names what is wrong."""
    found = object_of(body, _FIELDS)
    rotation = found.get("rotation", 0)
    if rotation not in (0, 90, 180, 270) or isinstance(rotation, bool):
        raise InvalidReading("rotation: 0, 90, 180 or 270 is needed")
    view = View(
        name=read_text(found.get("name", ""), "name", NAME_MAX),
        images=(read_image(found.get("image"), "view"),),
        window=_window(found.get("window")),
        invert=_flag(found, "invert"),
        rotation=rotation,
        flip=_flag(found, "flip"),
        area=_area(found.get("area")),
    )
    return Wanted(view, read_measurements(found.get("measurements", [])))


def _flag(found: dict[str, Any], name: str) -> bool:
    value = found.get(name, False)
    if not isinstance(value, bool):
        raise InvalidReading(f"{name}: true or false is needed")
    return value


def _window(value: object) -> Voi | None:
    if value is None:
        return None
    found = object_of(value, ("center", "width", "function"))
    function = found.get("function", "LINEAR")
    if function not in FUNCTIONS:
        raise InvalidReading(f"window.function: one of {', '.join(FUNCTIONS)} is needed")
    width = read_number(found.get("width"), "window.width", 1e9)
    if (width < 1 and function == "LINEAR") or width <= 0:
        raise InvalidReading("window.width: at least 1 is needed (PS3.3 C.11.2.1.2)")
    return Voi(read_number(found.get("center"), "window.center", 1e9), width, function)


def _area(value: object) -> tuple[float, float, float, float] | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 4:
        raise InvalidReading("area: [left, top, right, bottom] is needed")
    left, top, right, bottom = (read_number(one, "area") for one in value)
    if right <= left or bottom <= top:
        raise InvalidReading("area: right has to be beyond left, bottom beyond top")
    return left, top, right, bottom
