"""Frames that a browser cannot take as they are stored, made ready: colour as RGB, odd greys as modality values.

Records are those of `viewer.series_stream`, with two codes of our own in place of a transfer syntax.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.errors import NotFound, PixelError
from storage.pixels import PixelDescription, PixelObject, open_object
from viewer.frame_records import END, FRAME, HEAD, PROBLEM
from viewer.rendering import View, prepare
from viewer.rendering.modality import Modality, read_modality
from viewer.rendering.palette import has_palette
from viewer.rendering.render import pixels
from viewer.stacks import Stack

RGB8, FLOAT32 = 0xF001, 0xF002
"""Payloads: 8-bit RGB by pixel, without overlays; float32 modality values, little endian, NaN where there is none."""


def transport(obj: PixelObject, modality: Modality) -> str | None:
    """Return the sample type in which a frame's stored bytes can be used as they are; None where they cannot.

    Bits above Bits Stored may hold anything; the browser masks them.
    """
    description = obj.description
    plain = _is_grey(description) and not has_palette(obj.ds) and modality.table is None and not description.is_float
    if not plain or description.bits_allocated not in (8, 16) or description.high_bit != description.bits_stored - 1:
        return None
    return f"{'' if description.is_signed else 'u'}int{description.bits_allocated}"


def records(stack: Stack, places: Iterable[int]) -> Iterator[bytes]:
    """Give one record for each place of the stack, and the end."""
    for place in places:
        yield _record(stack, place)
    yield HEAD.pack(0, 0, 0, 0, 0, END, 0, 0)


def _record(stack: Stack, place: int) -> bytes:
    instance, index = stack.at(place)
    try:
        with open_object(instance.path) as obj:
            code, values = samples(obj, index)
        kind, payload = FRAME, values.tobytes()
    except (PixelError, NotFound) as error:
        kind, code, payload = PROBLEM, 0, str(error).encode("utf-8", "replace")
    head = HEAD.pack(place, stack.number_at(place), index + 1, code, 0, kind, len(payload), 0)
    return b"".join((head, payload, bytes(-len(payload) % 8)))


def samples(obj: PixelObject, index: int) -> tuple[int, NDArray[Any]]:
    """Return the code and the samples of frame `index` (from 0); `PixelError` where it cannot be shown."""
    if not _is_grey(obj.description) or has_palette(obj.ds):
        shown = pixels(prepare(obj, index), View(overlays=False))
        rgb = shown if shown.ndim == 3 else np.repeat(shown[:, :, None], 3, axis=2)
        return RGB8, np.ascontiguousarray(rgb)
    little = obj.ds.original_encoding[1] is not False
    modality = read_modality(obj.ds, index, obj.description.is_signed, little)
    values = obj.frame(index).values
    if values.dtype.kind != "f":
        return FLOAT32, modality.apply(values).astype("<f4")
    # What is no number stays none: 0 would be read as a value, as of a perfusion map outside the brain.
    finite = np.isfinite(values)
    return FLOAT32, np.where(finite, modality.apply(np.where(finite, values, 0)), np.nan).astype("<f4")


def _is_grey(description: PixelDescription) -> bool:
    return description.samples_per_pixel == 1 and description.photometric_interpretation != "PALETTE COLOR"
