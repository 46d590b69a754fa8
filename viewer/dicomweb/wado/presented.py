"""Pictures as a Softcopy Presentation State shows them (PS3.18 9.5.2, PS3.4 N.2): window, turn, part and graphics.

Facts this rests on:
- Of a state, that is taken which views are made of here (`viewer.evidence.presentation_read`), as in the reading room.
- Graphics in PIXEL units are points of the stored picture, 0 and 0 being the outer corner of its first pixel; those in
  DISPLAY units are fractions of the displayed area as it lies on the screen (PS3.3 C.10.5.1.2). Both are drawn on the
  picture as it goes out, so that text is never mirrored or blurred.
- A displayed area may reach beyond the image (PS3.3 C.10.4); what lies outside of it is not shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import cos, dist, pi, sin

from PIL import Image, ImageDraw
from pydicom.dataset import Dataset

from storage.errors import NotFound
from storage.model import Instance
from viewer.dicomweb.errors import Refused
from viewer.dicomweb.resources import find_instance
from viewer.dicomweb.wado.picture import font_of, plain, with_words
from viewer.documents import Kind, kind_of
from viewer.evidence.document import load
from viewer.evidence.model import Point
from viewer.evidence.presentation import Graphic, View, Voi, Words
from viewer.evidence.presentation_read import on_image, read_state
from viewer.rendering import Pose, Prepared, Window, screen_point
from viewer.rendering.render import output_size, pixels
from viewer.rendering.view import View as Shown
from viewer.services import archive

_TURNED = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
_ROUND = 72
"""Corners of the polygon that stands for a circle."""
_FAR = 1 << 15
_LETTERS_MAX = 1024
"""Of one text, as its VR allows (PS3.5 6.2, ST); what is longer would be a picture of its own."""


@dataclass(frozen=True, slots=True)
class State:
    """A presentation state: the object it stands in, and what it says."""

    instance: Instance
    view: View
    data_set: Dataset

    def on(self, prepared: Prepared) -> View:
        """Return the view of a frame that was prepared."""
        return on_image(self.view, self.data_set, prepared.grey is not None and prepared.grey.inverse)

    def image(self) -> tuple[Instance, int]:
        """Return the first image that it is for, and which of its frames (from 0).

        Raises:
            NotFound: it names none, or that one is not here.
        """
        if not self.view.images:
            raise NotFound("the presentation state names no image")
        first = self.view.images[0]
        image = archive().instance(first.instance)
        if image.study_instance_uid != self.instance.study_instance_uid:
            raise NotFound("the image of the presentation state is not in its study")
        return image, first.frame - 1

    def check(self, image: Instance, index: int) -> None:
        """Raise `Refused` (400) where the state is not for frame `index` of an image."""
        # Without frame numbers a state is for all frames, and reads as if it named the first one.
        frames = {one.frame for one in self.view.images if one.instance == image.sop_instance_uid}
        if frames != {1} and index + 1 not in frames:
            raise Refused(400, "The presentation state is not for this image.")


def find_state(study: str, series: str, instance: str) -> State:
    """Return a presentation state by its UIDs.

    Raises:
        NotFound, UnsafeUID: there is none.
        Refused: 400, it is another object.
        PixelError: it cannot be read.
    """
    return state_in(find_instance(study, series, instance))


def state_in(instance: Instance) -> State:
    """Return the presentation state in an object. Raises as `find_state`."""
    if kind_of(instance) is not Kind.VIEW:
        raise Refused(400, "The object that is named as presentation state is none.")
    data_set = load(instance)
    return State(instance, read_state(data_set), data_set)


def draw(prepared: Prepared, view: View, sides: tuple[int, int] | None, words: Sequence[str] = ()) -> Image.Image:
    """Show a frame as a state says, in its own size or as large as fits into `sides` (width, height)."""
    shown = Shown(window=_window(view.window), invert=view.invert)
    image = Image.fromarray(pixels(prepared, shown))
    width, height = output_size(prepared, shown)
    box = _box(view, image.size)
    part = image.crop(box)
    pose = Pose(view.rotation, view.flip)
    square = (part.width * width / image.width, part.height * height / image.height)
    size = _fitted(square if view.rotation % 180 == 0 else square[::-1], sides)
    if view.flip:
        part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if view.rotation:
        part = part.transpose(_TURNED[view.rotation])
    if part.size != size:
        part = part.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    _Pen(part, box, pose).draw(view)
    return with_words(part, words) if words else part


def _window(voi: Voi | None) -> Window | None:
    try:
        return None if voi is None else Window(voi.center, voi.width, voi.function)
    except ValueError:
        return None


def _box(view: View, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the displayed area as far as it lies in the image; all of the image where it does not."""
    left, top, right, bottom = view.area or (0, 0, *size)
    box = max(0, round(left)), max(0, round(top)), min(size[0], round(right)), min(size[1], round(bottom))
    return box if box[0] < box[2] and box[1] < box[3] else (0, 0, *size)


def _fitted(size: tuple[float, float], sides: tuple[int, int] | None) -> tuple[int, int]:
    factor = 1.0 if sides is None else min(sides[0] / size[0], sides[1] / size[1])
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


class _Pen:
    """Draws on one picture, white with a black edge, so that it is seen on any ground."""

    def __init__(self, image: Image.Image, box: tuple[int, int, int, int], pose: Pose) -> None:
        self._drawing = ImageDraw.Draw(image)
        self._size, self._box, self._pose = image.size, box, pose
        self._width = max(1, min(image.size) // 300)
        self._font = font_of(image.size)
        grey = image.mode == "L"
        self._white: int | tuple[int, int, int] = 255 if grey else (255, 255, 255)
        self._black: int | tuple[int, int, int] = 0 if grey else (0, 0, 0)

    def draw(self, view: View) -> None:
        for graphic in view.graphics:
            self._graphic(graphic)
        for words in view.texts:
            self._words(words)

    def _graphic(self, graphic: Graphic) -> None:
        if graphic.type in ("POINT", "MULTIPOINT"):
            for x, y in self._placed(graphic.points, graphic.is_on_image):
                self._line([(x - 4 * self._width, y), (x + 4 * self._width, y)], is_filled=False)
                self._line([(x, y - 4 * self._width), (x, y + 4 * self._width)], is_filled=False)
            return
        line = self._placed(_outline(graphic), graphic.is_on_image)
        if len(line) > 1:
            self._line(line, is_filled=graphic.filled)

    def _line(self, points: list[Point], *, is_filled: bool) -> None:
        if is_filled and len(points) > 2:
            self._drawing.polygon(points, fill=self._white)
        self._drawing.line(points, fill=self._black, width=self._width + 2)
        self._drawing.line(points, fill=self._white, width=self._width)

    def _words(self, words: Words) -> None:
        corners = self._placed(words.points, words.is_on_image)
        if corners:
            at = min(x for x, _ in corners), min(y for _, y in corners)
            text = plain(words.text[:_LETTERS_MAX].replace("\r\n", "\n"))
            self._drawing.multiline_text(
                at, text, fill=self._white, font=self._font, stroke_width=1, stroke_fill=self._black
            )

    def _placed(self, points: Iterable[Point], is_on_image: bool) -> list[Point]:
        return [self._place(x, y, is_on_image) for x, y in points]

    def _place(self, x: float, y: float, is_on_image: bool) -> Point:
        if is_on_image:
            left, top, right, bottom = self._box
            x, y = screen_point((x - left) / (right - left), (y - top) / (bottom - top), self._pose)
        return _near(x * self._size[0]), _near(y * self._size[1])


def _near(value: float) -> float:
    """Keep what is far outside of any picture within what can be drawn."""
    return min(max(value, -_FAR), _FAR)


def _outline(graphic: Graphic) -> Sequence[Point]:
    """Return the line of a shape (PS3.3 C.10.5.2); a curve through points is drawn from point to point."""
    points = graphic.points
    if graphic.type == "CIRCLE" and len(points) == 2:
        (x, y), radius = points[0], dist(*points)
        return [(x + radius * cos(a), y + radius * sin(a)) for a in _angles()]
    if graphic.type == "ELLIPSE" and len(points) == 4:
        (x1, y1), (x2, y2), (x3, y3), (x4, y4) = points
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        major, minor = ((x2 - x1) / 2, (y2 - y1) / 2), ((x4 - x3) / 2, (y4 - y3) / 2)
        return [
            (x + major[0] * cos(a) + minor[0] * sin(a), y + major[1] * cos(a) + minor[1] * sin(a)) for a in _angles()
        ]
    return points if graphic.type in ("POLYLINE", "INTERPOLATED") else ()


def _angles() -> Iterable[float]:
    return (2 * pi * i / _ROUND for i in range(_ROUND + 1))
