"""Randomness that is the same on every machine and under every version of numpy.

Two rules make the committed set reproducible bit by bit:

1. Only the raw stream of the bit generator is used, which numpy guarantees (NEP 19); the distributions on top of it are
   not, so they are formed here from integers.
2. Arrays are computed with ``+ - * /`` and ``sqrt`` alone, which IEEE 754 rounds in one way. ``exp``, ``sin`` or
   ``power`` over arrays differ in the last bit between processors and are used on plain Python numbers only.
"""

from __future__ import annotations

import hashlib

import numpy as np

from sample_dicom.phantoms.canvas import Image

# The sum of four uniform 16-bit integers has variance 4 * (2**32 - 1) / 12.
_SUM_MEAN = 2.0 * 65535
_SUM_SD = (4 * (2.0**32 - 1) / 12) ** 0.5


class Random:
    """A named stream of numbers: the same name gives the same numbers."""

    def __init__(self, name: str) -> None:
        seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
        self._bits = np.random.PCG64(seed)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """One number in [low, high)."""
        return low + (high - low) * (int(self._bits.random_raw()) >> 11) / 2.0**53

    def pick(self, count: int) -> int:
        """One integer in 0..count-1."""
        return int(self._bits.random_raw()) % count

    def field(self, shape: tuple[int, ...]) -> Image:
        """Uncorrelated, nearly normal noise (Irwin-Hall of four) with mean 0 and standard deviation 1, float32."""
        count = int(np.prod(shape))
        raw = self._bits.random_raw(count).view(np.uint16).reshape(-1, 4)
        total = raw[:, 0].astype(np.int32) + raw[:, 1] + raw[:, 2] + raw[:, 3]
        normal: Image = ((total.astype(np.float32) - np.float32(_SUM_MEAN)) / np.float32(_SUM_SD)).reshape(shape)
        return normal

    def soft_field(self, shape: tuple[int, int]) -> Image:
        """Noise of standard deviation 1 with the short correlation that a soft reconstruction kernel leaves."""
        return smooth(self.field(shape), 2) * np.float32(128.0 / 35.0)


def smooth(image: Image, times: int = 1) -> Image:
    """Blur with the binomial kernel [1 2 1]/4 along both axes; the edges are repeated."""
    for _ in range(times):
        padded = np.pad(image, 1, mode="edge")
        rows = padded[:-2] + padded[1:-1] + padded[1:-1] + padded[2:]
        image = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 1:-1] + rows[:, 2:]) * np.float32(1.0 / 16.0)
    return image


class Texture:
    """Smooth three-dimensional value noise about 0, spread about 1, continuous from slice to slice.

    A periodic lattice of random values is interpolated linearly; `scale` is the lattice constant in mm.
    """

    def __init__(self, name: str, scale: float, size: int = 32) -> None:
        self._lattice = Random(name).field((size, size, size))
        self._scale = scale
        self._size = size

    def at(self, x: Image, y: Image, z: float) -> Image:
        """Values at the columns `x` (1, n) and rows `y` (m, 1) in mm on the plane `z`: an (m, n) float32 image."""
        plane = self._plane(z)
        x0, fx = self._index(x.reshape(-1))
        y0, fy = self._index(y.reshape(-1))
        x1, y1 = (x0 + 1) % self._size, (y0 + 1) % self._size
        rows = plane[y0] + (plane[y1] - plane[y0]) * fy[:, None]
        result: Image = rows[:, x0] + (rows[:, x1] - rows[:, x0]) * fx[None, :]
        return result

    def _plane(self, z: float) -> Image:
        position = z / self._scale
        below = int(position // 1)
        part = np.float32(position - below)
        a, b = self._lattice[below % self._size], self._lattice[(below + 1) % self._size]
        plane: Image = a + (b - a) * part
        return plane

    def _index(self, coordinate: Image) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int64]], Image]:
        position = coordinate / np.float32(self._scale)
        below = np.floor(position)
        return below.astype(np.int64) % self._size, (position - below).astype(np.float32)
