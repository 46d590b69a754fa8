"""How small lossless codecs make a series: measured by encoding every slice, once, as the best one takes minutes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread

from bench.work import cache_folder, files

Samples = NDArray[Any]
Buffer = bytes | bytearray

CODECS: dict[str, tuple[Callable[[Samples], Buffer], Callable[[Buffer], Samples]]] = {
    "JPEG-LS": (imagecodecs.jpegls_encode, imagecodecs.jpegls_decode),
    "JPEG 2000": (
        lambda samples: imagecodecs.jpeg2k_encode(samples, level=0, reversible=True, codecformat="j2k"),
        imagecodecs.jpeg2k_decode,
    ),
    "HTJ2K": (lambda samples: imagecodecs.htj2k_encode(samples, reversible=True), imagecodecs.htj2k_decode),
    "JPEG XL": (
        lambda samples: imagecodecs.jpegxl_encode(samples, lossless=True, effort=7, numthreads=1),
        imagecodecs.jpegxl_decode,
    ),
}
"""The image codecs with a transfer syntax of their own that lose nothing: to encode, to decode."""


@dataclass(frozen=True, slots=True)
class Packed:
    """What a series takes: bytes without compression, and with each codec."""

    raw: int
    packed: dict[str, int]

    @property
    def best(self) -> str:
        """The codec that takes least."""
        return min(self.packed, key=self.packed.__getitem__)

    @property
    def least(self) -> int:
        """Bytes with that codec."""
        return self.packed[self.best]

    @property
    def ratio(self) -> float:
        """Uncompressed against least."""
        return self.raw / self.least


def packed(folder: Path) -> Packed:
    """Return what the series in a folder takes with each codec; measured once.

    Raises:
        RuntimeError: a codec does not give back what it was given.
    """
    kept = cache_folder() / f"{folder.name}.lossless.json"
    if not kept.exists():
        measured = measure(dcmread(path).pixel_array for path in files(folder))
        kept.write_text(json.dumps({"raw": measured.raw, "packed": measured.packed}))
    return Packed(**json.loads(kept.read_text()))


def measure(slices: Iterable[Samples]) -> Packed:
    """Encode slices with every codec; raises as `packed`."""
    raw, sums = 0, dict.fromkeys(CODECS, 0)
    with ThreadPoolExecutor() as threads:
        for samples in slices:
            raw += samples.nbytes
            for name, size in zip(CODECS, threads.map(lambda name, s=samples: _size(name, s), CODECS), strict=True):
                sums[name] += size
    return Packed(raw, sums)


def _size(name: str, samples: Samples) -> int:
    encode, decode = CODECS[name]
    encoded = encode(np.ascontiguousarray(samples))
    if not np.array_equal(decode(encoded), samples):
        raise RuntimeError(f"{name} does not give back the slice that it was given")
    return len(encoded)
