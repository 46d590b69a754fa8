"""A prepared frame as a picture for others than our own pages: region, size, flips, burnt-in text and more formats."""

from __future__ import annotations

import io
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache

import imagecodecs
import numpy as np
from PIL import Image, ImageCms, ImageDraw, ImageFont

from storage.errors import QueryError
from viewer.dicomweb.wado.parameters import Parameters, Region, Viewport
from viewer.rendering import Prepared
from viewer.rendering.render import encode_jpeg, output_size, pixels
from viewer.rendering.view import View

JPEG, PNG, GIF, JP2 = "image/jpeg", "image/png", "image/gif", "image/jp2"
SIDE_MAX = 8192
SOON_SAMPLES = 1 << 19
_MARGIN = 6


def draw(prepared: Prepared, parameters: Parameters, words: Sequence[str] = ()) -> Image.Image:
    """Show a frame as the parameters say, with lines of text burnt in.

    Raises:
        QueryError: the region is not inside the image.
    """
    view = View(window=parameters.window)
    image = Image.fromarray(pixels(prepared, view))
    size = output_size(prepared, view)
    if parameters.viewport is not None:
        image, size = _fitted(image, size, parameters.viewport)
    if image.size != size:
        image = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)
    return with_words(image, words) if words else image


def drawn(
    prepared: Prepared, parameters: Parameters, media_type: str, words: Sequence[str] = (), profile: bytes | None = None
) -> bytes:
    """Return the bytes of one picture; the same as `encode` of `draw`, sooner where nothing is resized or burnt in.

    Raises:
        QueryError: the region is not inside the image.
    """
    if not words and profile is None and _is_plain(prepared, parameters, media_type):
        return encode_jpeg(pixels(prepared, View(window=parameters.window)), parameters.quality)
    return encode(draw(prepared, parameters, words), media_type, parameters.quality, profile)


def is_soon_drawn(prepared: Prepared, parameters: Parameters, media_type: str) -> bool:
    """Tell whether `drawn` takes about half a millisecond, so that to hand it to a thread costs a fifth as much."""
    grey, description = prepared.grey, prepared.description
    in_colour = grey is None or grey.colours is not None
    samples = description.rows * description.columns * (3 if in_colour else 1)
    of_codes = grey is None or grey.codes is not None
    return samples <= SOON_SAMPLES and of_codes and _is_plain(prepared, parameters, media_type)


def _is_plain(prepared: Prepared, parameters: Parameters, media_type: str) -> bool:
    """Tell whether a JPEG is wanted whose pixels are the stored ones."""
    stored = prepared.description.columns, prepared.description.rows
    return media_type == JPEG and parameters.viewport is None and output_size(prepared, View()) == stored


def encode(image: Image.Image, media_type: str, quality: int, profile: bytes | None = None) -> bytes:
    """Return the bytes of one picture."""
    if media_type == JPEG and profile is None:
        return encode_jpeg(np.asarray(image), quality)
    if media_type == JP2:
        return bytes(imagecodecs.jpeg2k_encode(np.asarray(image), codecformat="jp2", reversible=True, numthreads=1))
    out = io.BytesIO()
    if media_type == JPEG:
        image.save(out, "JPEG", quality=quality, subsampling=0, icc_profile=profile)
    elif media_type == PNG:
        image.save(out, "PNG", compress_level=1, icc_profile=profile)
    else:
        image.save(out, "GIF")
    return out.getvalue()


def animate(images: Iterable[Image.Image], milliseconds: int) -> bytes:
    """Return pictures of one size as a GIF that runs for ever."""
    first, *rest = images
    out = io.BytesIO()
    first.save(out, "GIF", save_all=True, append_images=rest, duration=milliseconds, loop=0)
    return out.getvalue()


@cache
def srgb_profile() -> bytes:
    """Return the ICC profile of sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _fitted(image: Image.Image, size: tuple[int, int], viewport: Viewport) -> tuple[Image.Image, tuple[int, int]]:
    """Cut the region out and return it with the size it is to have: as large as fits, with square pixels."""
    box, flip_h, flip_v = _box(viewport.region, image.width, image.height)
    part = image if box == (0, 0, *image.size) else image.crop(box)
    if flip_h:
        part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if flip_v:
        part = part.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    width, height = part.width * size[0] / image.width, part.height * size[1] / image.height
    factor = min(viewport.width / width, viewport.height / height)
    return part, (max(1, round(width * factor)), max(1, round(height * factor)))


def _box(region: Region, columns: int, rows: int) -> tuple[tuple[int, int, int, int], bool, bool]:
    width = columns - region.x if region.width is None else region.width
    height = rows - region.y if region.height is None else region.height
    right, lower = region.x + abs(width), region.y + abs(height)
    if region.x >= columns or region.y >= rows or right > columns + 0.5 or lower > rows + 0.5:
        raise QueryError(f"The viewport's region is not inside the image of {columns} x {rows} pixels.")
    left, upper = int(region.x), int(region.y)
    box = (left, upper, min(columns, max(left + 1, round(right))), min(rows, max(upper + 1, round(lower))))
    return box, width < 0, height < 0


def with_words(image: Image.Image, words: Sequence[str]) -> Image.Image:
    """White on a black shade, so that it can be read on any picture; the size follows the picture's."""
    image = image.copy()
    font = font_of(image.size)
    drawing = ImageDraw.Draw(image)
    white, black = (255, 0) if image.mode == "L" else ((255,) * 3, (0,) * 3)
    at = _MARGIN
    for line in words:
        drawing.text((_MARGIN, at), plain(line), fill=white, font=font, stroke_width=2, stroke_fill=black)
        at += round(_letters(image.size) * 1.3)
    return image


def font_of(size: tuple[int, int]) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the letters that go with a picture of that size."""
    return ImageFont.load_default(_letters(size))


def _letters(size: tuple[int, int]) -> int:
    return max(10, min(size) // 32)


def plain(text: str) -> str:
    """Return text in the letters that every font has: names without their marks rather than as boxes."""
    folded = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(c for c in folded if not unicodedata.combining(c)).encode("latin-1", "replace").decode("latin-1")
