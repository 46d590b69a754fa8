"""What a reader may ask of a picture: window, turn, size, format. Values only, checked on construction."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from viewer.rendering.colour_maps import COLOUR_MAPS

LINEAR = "LINEAR"
LINEAR_EXACT = "LINEAR_EXACT"
SIGMOID = "SIGMOID"
FUNCTIONS = (LINEAR, LINEAR_EXACT, SIGMOID)

PNG = "png"
JPEG = "jpeg"
MEDIA_TYPES = {PNG: "image/png", JPEG: "image/jpeg"}


@dataclass(frozen=True, slots=True)
class Window:
    """Window Center and Width in modality units (HU for CT), with its VOI LUT Function (PS3.3 C.11.2.1.2, C.11.2.1.3).

    `ValueError` for a width the function does not allow: LINEAR needs at least 1, the others more than 0.
    """

    center: float
    width: float
    function: str = LINEAR
    explanation: str = ""

    def __post_init__(self) -> None:
        if self.function not in FUNCTIONS:
            raise ValueError(f"VOI LUT Function {self.function!r} is none of {', '.join(FUNCTIONS)}")
        if not (isfinite(self.center) and isfinite(self.width)):
            raise ValueError("window center and width must be finite numbers")
        if self.width <= 0 or (self.function == LINEAR and self.width < 1):
            raise ValueError(f"window width {self.width:g} is not allowed for {self.function} (PS3.3 C.11.2.1.2)")


@dataclass(frozen=True, slots=True)
class Pose:
    """One of the eight ways to lay a picture down: first flipped left to right, then turned clockwise by `rotate`."""

    rotate: int = 0
    flip_h: bool = False

    def __post_init__(self) -> None:
        if self.rotate not in (0, 90, 180, 270):
            raise ValueError(f"rotate is {self.rotate}; 0, 90, 180 and 270 are possible")

    def then_rotate(self, degrees: int) -> Pose:
        """The pose after turning what is on the screen clockwise by a multiple of 90."""
        return Pose((self.rotate + degrees) % 360, self.flip_h)

    def then_flip_h(self) -> Pose:
        """The pose after mirroring what is on the screen left to right."""
        return Pose(-self.rotate % 360, not self.flip_h)

    def then_flip_v(self) -> Pose:
        """The pose after mirroring what is on the screen top to bottom."""
        return self.then_flip_h().then_rotate(180)


@dataclass(frozen=True, slots=True)
class View:
    """How to show a frame.

    `window` replaces what the object says; without it, `voi_index` chooses among the object's own VOI transformations
    (`Prepared.voi`), and an index past them means the first. `max_side` bounds width and height in pixels; pictures are
    never enlarged, except where non-square pixels ask for it. `colours` names a map for grey pictures, empty for none.
    `quality` is JPEG's, 1 to 100.
    """

    window: Window | None = None
    voi_index: int = 0
    invert: bool = False
    pose: Pose = Pose()
    max_side: int | None = None
    overlays: bool = True
    colours: str = ""
    format: str = JPEG
    quality: int = 90

    def __post_init__(self) -> None:
        if self.format not in MEDIA_TYPES:
            raise ValueError(f"format is {self.format!r}; {' and '.join(MEDIA_TYPES)} are possible")
        if not 1 <= self.quality <= 100:
            raise ValueError(f"quality is {self.quality}; 1 to 100 is possible")
        if self.max_side is not None and self.max_side < 1:
            raise ValueError(f"max_side is {self.max_side}; at least 1 is needed")
        if self.colours and self.colours not in COLOUR_MAPS:
            raise ValueError(f"colours is {self.colours!r}; {', '.join(COLOUR_MAPS)} are possible")
        if self.voi_index < 0:
            raise ValueError(f"voi_index is {self.voi_index}; at least 0 is needed")
