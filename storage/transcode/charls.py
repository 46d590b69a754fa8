"""JPEG-LS by CharLS as `pyjpegls` brings it, called through its C interface.

The package's own function keeps the interpreter's lock while it works, so that nothing else in the process moves for
the 10 to 20 ms of an image; a call through ctypes gives it back. And it leaves no room for the head of a tiny picture.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any, ClassVar

import _CharLS
import numpy as np
from numpy.typing import NDArray

from storage.errors import PixelError

_HEADS = 1 << 10
_WORDS_BYTES = 256


class _Parameters(ctypes.Structure):
    """`JlsParameters` of CharLS 2: all that is left at 0 means the standard's default, and no loss."""

    _fields_: ClassVar[list[tuple[str, Any]]] = [
        *((name, ctypes.c_int32) for name in ("width", "height", "bits", "stride", "components", "loss", "interleave")),
        ("colour_transformation", ctypes.c_int32),
        ("is_bgr", ctypes.c_char),
        ("preset", ctypes.c_int32 * 5),
        ("jfif", ctypes.c_int32 * 6),
        ("thumbnail", ctypes.c_void_p),
    ]


@cache
def _encoder() -> Any:
    function = ctypes.CDLL(_CharLS.__file__).JpegLsEncode
    function.restype = ctypes.c_int
    function.argtypes = [
        *(ctypes.c_void_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t), ctypes.c_void_p, ctypes.c_size_t),
        *(ctypes.POINTER(_Parameters), ctypes.c_char_p),
    ]
    return function


def encode(cells: NDArray[np.uint16], bits: int) -> bytes:
    """Return one grey image of (rows, columns) without loss, with a precision of `bits`, 2 to 16 (ISO 14495-1).

    Raises:
        PixelError: the codec refuses it.
    """
    source = np.ascontiguousarray(cells)
    rows, columns = source.shape
    target = ctypes.create_string_buffer(2 * source.nbytes + _HEADS)
    words = ctypes.create_string_buffer(_WORDS_BYTES)
    written = ctypes.c_size_t()
    parameters = _Parameters(width=columns, height=rows, bits=bits, components=1)
    failed = _encoder()(
        target, len(target), ctypes.byref(written), source.ctypes.data, source.nbytes, ctypes.byref(parameters), words
    )
    if failed:
        raise PixelError(f"JPEG-LS cannot hold the image: {words.value.decode('ascii', 'replace')}")
    return target.raw[: written.value]
