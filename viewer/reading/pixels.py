"""Frames as a browser takes them over without a copy: a record each, header and little-endian samples.

Record: header length (uint32), payload length (uint32), header (JSON, UTF-8), zeros up to a multiple of 8, payload,
zeros up to a multiple of 8. Header: `position` in the stack; `type` of the samples (`uint8`, `int8`, `uint16`, `int16`,
`float32`, `rgb8`) with `rows` and `columns`; `slope` and `intercept` to the modality value. Where a frame cannot be
decoded, `problem` says why and there is no payload.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from storage.errors import PixelError
from storage.model import Instance
from storage.pixels import PixelObject, open_object
from viewer.rendering import View, prepare
from viewer.rendering.modality import read_modality
from viewer.rendering.palette import has_palette
from viewer.rendering.render import pixels

MEDIA_TYPE = "application/vnd.filmless.frames"
_LENGTHS = struct.Struct("<II")
_PLAIN = {"|u1": "uint8", "|i1": "int8", "<u2": "uint16", "<i2": "int16"}


def record(position: int, instance: Instance, index: int) -> bytes:
    """Return the record of frame `index` (from 0) of `instance`, which stands at `position` in its stack."""
    try:
        with open_object(instance.path) as obj:
            header, values = samples(obj, index)
    except PixelError as error:
        return pack({"position": position, "problem": str(error)}, b"")
    header["position"] = position
    return pack(header, values.tobytes())


def samples(obj: PixelObject, index: int) -> tuple[dict[str, Any], NDArray[Any]]:
    """Return the header (without position) and the samples of frame `index`; `PixelError` where it cannot be shown."""
    description = obj.description
    is_grey = description.samples_per_pixel == 1 and description.photometric_interpretation != "PALETTE COLOR"
    size = {"rows": description.rows, "columns": description.columns}
    if not is_grey or has_palette(obj.ds):
        shown = pixels(prepare(obj, index), View(overlays=False))
        rgb = shown if shown.ndim == 3 else np.repeat(shown[:, :, None], 3, axis=2)
        return {**size, "type": "rgb8", "slope": 1, "intercept": 0}, np.ascontiguousarray(rgb)
    little = obj.ds.original_encoding[1] is not False
    modality = read_modality(obj.ds, index, description.is_signed, little)
    values = obj.frame(index).values
    kind = _PLAIN.get(values.dtype.newbyteorder("<").str)
    if kind and modality.table is None:
        linear = {"slope": modality.slope, "intercept": modality.intercept}
        return {**size, "type": kind, **linear}, np.ascontiguousarray(values.astype(values.dtype.newbyteorder("<")))
    scaled = modality.apply(np.where(np.isfinite(values), values, 0) if values.dtype.kind == "f" else values)
    return {**size, "type": "float32", "slope": 1, "intercept": 0}, scaled.astype("<f4")


def pack(header: dict[str, Any], payload: bytes) -> bytes:
    """Return one record."""
    head = json.dumps(header, separators=(",", ":")).encode()
    return b"".join(
        (_LENGTHS.pack(len(head), len(payload)), head, _gap(_LENGTHS.size + len(head)), payload, _gap(len(payload)))
    )


def _gap(length: int) -> bytes:
    return bytes(-length % 8)
