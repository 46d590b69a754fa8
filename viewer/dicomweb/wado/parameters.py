"""The query parameters of rendered resources (PS3.18 8.3.5), read and checked. Pure.

window=CENTER,WIDTH,FUNCTION           function: linear, linear-exact or sigmoid; without one, linear
viewport=VW,VH                         the picture fits into so many pixels, its proportions kept
viewport=VW,VH,SX,SY,SW,SH             only this region of the stored pixels; any of the four may be left empty;
                                       a negative SW or SH flips what is shown
quality=1..100                         of JPEG
annotation=patient,technique           burnt in
iccprofile=no|yes|srgb                 yes: the object's own profile; srgb: said to be sRGB, which colours are
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite

from viewer.rendering.view import LINEAR, LINEAR_EXACT, SIGMOID, Window

SIDE_MAX = 8192
QUALITY = 90
_FUNCTIONS = {"linear": LINEAR, "linear-exact": LINEAR_EXACT, "sigmoid": SIGMOID}
_ANNOTATIONS = frozenset({"patient", "technique"})
_PROFILES = ("no", "yes", "srgb")


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the stored pixels; negative sizes flip. None where the standard's default is meant."""

    x: float = 0.0
    y: float = 0.0
    width: float | None = None
    height: float | None = None


@dataclass(frozen=True, slots=True)
class Viewport:
    """Pixels of the picture at most, and the region of the image that it shows."""

    width: int
    height: int
    region: Region = Region()

    @property
    def pixels(self) -> int:
        """Pixels of the picture at most."""
        return self.width * self.height


@dataclass(frozen=True, slots=True)
class Parameters:
    """What was asked for."""

    window: Window | None = None
    viewport: Viewport | None = None
    quality: int = QUALITY
    annotation: frozenset[str] = frozenset()
    profile: str = "no"


def read(args: Mapping[str, str]) -> Parameters:
    """Read the parameters of a request.

    Raises:
        ValueError: one of them cannot be understood; the text is one sentence.
    """
    window, viewport, quality = args.get("window"), args.get("viewport"), args.get("quality")
    return Parameters(
        window=None if window is None else _window(window),
        viewport=None if viewport is None else _viewport(viewport),
        quality=QUALITY if quality is None else _quality(quality),
        annotation=_annotation(args.get("annotation", "")),
        profile=_profile(args.get("iccprofile", "no")),
    )


def _window(text: str) -> Window:
    members = [member.strip() for member in text.split(",")]
    if len(members) not in (2, 3):
        raise ValueError("The window has a center, a width and a function, joined by commas.")
    function = _FUNCTIONS.get(members[2].lower()) if len(members) == 3 else LINEAR
    if function is None:
        raise ValueError(f"The window's function is {members[2][:20]!r}; {', '.join(_FUNCTIONS)} are possible.")
    return Window(_decimal("window's center", members[0]), _decimal("window's width", members[1]), function)


def _viewport(text: str) -> Viewport:
    members = [member.strip() for member in text.split(",")]
    if len(members) not in (2, 6):
        raise ValueError("The viewport has a width and a height, and none or four members for the region.")
    width, height = (_side(name, member) for name, member in zip(("width", "height"), members[:2], strict=True))
    if len(members) == 2:
        return Viewport(width, height)
    x, y, w, h = (None if not member else _decimal("viewport's region", member) for member in members[2:])
    region = Region(x or 0.0, y or 0.0, w, h)
    if region.x < 0 or region.y < 0 or 0 in (w, h):
        raise ValueError("The viewport's region begins inside the image and is not empty.")
    return Viewport(width, height, region)


def _side(name: str, text: str) -> int:
    value = _decimal(f"viewport's {name}", text)
    if not 1 <= value <= SIDE_MAX:
        raise ValueError(f"The viewport's {name} is {text[:20]}; 1 to {SIDE_MAX} is possible.")
    return round(value)


def _quality(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= 100):
        raise ValueError(f"The quality is {text[:20]!r}; 1 to 100 is possible.")
    return int(text)


def _annotation(text: str) -> frozenset[str]:
    asked = frozenset(member.strip().lower() for member in text.split(",") if member.strip())
    if not asked <= _ANNOTATIONS:
        raise ValueError(f"The annotation {', '.join(sorted(asked - _ANNOTATIONS))[:40]!r} is not known.")
    return asked


def _profile(text: str) -> str:
    profile = text.strip().lower()
    if profile not in _PROFILES:
        raise ValueError(f"The ICC profile {text[:20]!r} cannot be given; {', '.join(_PROFILES)} are possible.")
    return profile


def _decimal(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise ValueError(f"The {name} is {text[:20]!r}, which is no number.")
    return value
