"""Prepared frame and view in, encoded picture out.

Order: window to grey or colour (PS3.4 N.2), colour map where one is asked for, padding black, overlays white, shutter,
pose, size, encoding. Padding, overlays and shutters keep their colour under `invert`, so that neither the surroundings
glare nor graphics vanish.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from storage.pixels import PixelObject
from viewer.rendering.colour_maps import colour_table
from viewer.rendering.lookup import look_up
from viewer.rendering.prepare import Grey, Prepared, prepare
from viewer.rendering.view import JPEG, MEDIA_TYPES, View
from viewer.rendering.voi import Voi, apply_voi, on_line

_FLIPS = {
    (0, False): None,
    (90, False): Image.Transpose.ROTATE_270,
    (180, False): Image.Transpose.ROTATE_180,
    (270, False): Image.Transpose.ROTATE_90,
    (0, True): Image.Transpose.FLIP_LEFT_RIGHT,
    (90, True): Image.Transpose.TRANSVERSE,
    (180, True): Image.Transpose.FLIP_TOP_BOTTOM,
    (270, True): Image.Transpose.TRANSPOSE,
}
# JPEG and browsers stop at 65,535 and at memory; resampled pictures stay far below.
_MAX_SIDE = 16384


@dataclass(frozen=True, slots=True)
class Rendered:
    """An encoded picture with its size in pixels."""

    data: bytes
    media_type: str
    width: int
    height: int


def render(obj: PixelObject, index: int, view: View) -> Rendered:
    """Decode and show frame `index` (from 0). Raises `PixelError` and `NotFound` as `prepare` does."""
    return render_prepared(prepare(obj, index), view)


def render_prepared(prepared: Prepared, view: View) -> Rendered:
    """Show a frame that was prepared before; fast, and never raises for a valid view."""
    image = Image.fromarray(pixels(prepared, view))
    transpose = _FLIPS[view.pose.rotate, view.pose.flip_h]
    if transpose is not None:
        image = image.transpose(transpose)
    size = output_size(prepared, view)
    if size != image.size:
        image = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return Rendered(_encode(image, view), MEDIA_TYPES[view.format], *size)


def thumbnail(prepared: Prepared, side: int, quality: int = 80) -> Rendered:
    """A small JPEG whose longer side is at most `side` pixels, in the object's own window."""
    return render_prepared(prepared, View(max_side=side, overlays=False, quality=quality))


def pixels(prepared: Prepared, view: View) -> NDArray[np.uint8]:
    """8-bit display values at the stored size: (rows, columns), or (rows, columns, 3) where there is colour."""
    if prepared.rgb is not None:
        shown = _colour(prepared.rgb, view)
    else:
        assert prepared.grey is not None
        shown = _grey(prepared.grey, choose_voi(prepared, view), view.invert, view.colours)
    if view.overlays and prepared.overlay is not None:
        shown = shown.copy() if shown is prepared.rgb else shown
        shown[prepared.overlay] = 255
    if prepared.shutter is not None:
        shown = shown.copy() if shown is prepared.rgb else shown
        shown[prepared.shutter.covered] = prepared.shutter.level
    return shown


def choose_voi(prepared: Prepared, view: View) -> Voi:
    """The window of the view, else the object's own one that the view chose."""
    if view.window is not None:
        return view.window
    return prepared.voi[view.voi_index if view.voi_index < len(prepared.voi) else 0]


def output_size(prepared: Prepared, view: View) -> tuple[int, int]:
    """(width, height) of the encoded picture: square pixels, turned, and inside `max_side`."""
    width, height = float(prepared.description.columns), float(prepared.description.rows)
    width, height = (width, height * prepared.aspect) if prepared.aspect > 1 else (width / prepared.aspect, height)
    if view.pose.rotate in (90, 270):
        width, height = height, width
    longer = max(width, height)
    limit = longer if view.max_side is None else min(longer, view.max_side)
    factor = min(limit, _MAX_SIDE) / longer if longer > _MAX_SIDE or limit < longer else 1.0
    return max(1, round(width * factor)), max(1, round(height * factor))


def _grey(grey: Grey, voi: Voi, invert: bool, colours: str) -> NDArray[np.uint8]:
    levels, inverse = apply_voi(grey.values, voi), grey.inverse != invert
    if inverse:
        levels = 1 - levels
    shown = _to_display(levels)
    if colours:
        shown = np.take(colour_table(colours), shown, axis=0)
    if grey.padding is not None:
        shown[grey.padding] = 0
    if grey.codes is None:
        return shown
    if grey.colours is not None and grey.coloured is not None:
        plain = shown if shown.ndim == 2 else shown[:, None]
        shown = np.where(grey.coloured[:, None], grey.colours, plain)
    return look_up(shown, grey.codes, _line(grey, voi, inverse))


def _line(grey: Grey, voi: Voi, inverse: bool) -> tuple[float, float] | None:
    """What the first and the last code would be shown as, were it not cut off at black and white."""
    ends = on_line(grey.values[[0, -1]], voi)
    if ends is None:
        return None
    first, last = 255 * (1 - ends if inverse else ends)
    return float(first), float(last)


def _colour(rgb: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    """Colour as it is; a window asked for is applied to each channel, since only brightness can be meant."""
    if view.window is None and not view.invert:
        return rgb
    levels: NDArray[Any] = np.arange(256) / 255
    if view.window is not None:
        levels = apply_voi(np.arange(256), view.window)
    return np.take(_to_display(1 - levels if view.invert else levels), rgb)


def _to_display(levels: NDArray[Any]) -> NDArray[np.uint8]:
    """0..1 to 0..255, halves upwards."""
    shown: NDArray[np.uint8] = (levels * 255 + 0.5).astype(np.uint8)
    return shown


def _encode(image: Image.Image, view: View) -> bytes:
    if view.format == JPEG:
        return encode_jpeg(np.asarray(image), view.quality)
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


def encode_jpeg(shown: NDArray[np.uint8], quality: int) -> bytes:
    """JPEG of (rows, columns) greys or (rows, columns, 3) RGB, chroma in full resolution; `quality` from 1 to 100.

    A quarter of the time that Pillow takes for the same bytes.
    """
    return bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(shown), level=quality, subsampling="444"))
