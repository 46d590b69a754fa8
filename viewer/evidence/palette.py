"""Colours of structures: as the object says, else from a series of colours that stay apart."""

from __future__ import annotations

from pydicom.dataset import Dataset

from viewer.rendering.attributes import numbers

Rgb = tuple[int, int, int]

DISTINCT: tuple[Rgb, ...] = (
    (230, 97, 87),
    (90, 180, 245),
    (245, 199, 74),
    (114, 199, 122),
    (199, 133, 232),
    (242, 148, 60),
    (77, 205, 196),
    (240, 130, 180),
    (170, 180, 70),
    (150, 160, 250),
)
_WHITE = (0.9505, 1.0, 1.089)


def distinct(number: int) -> Rgb:
    """Return the colour of the structure of that number, from 1."""
    return DISTINCT[(number - 1) % len(DISTINCT)]


def recommended(ds: Dataset) -> Rgb | None:
    """Return Recommended Display CIELab Value as RGB (PS3.3 C.10.7.1.1: L 0 to 100, a and b -128 to 127)."""
    lab = numbers(ds, "RecommendedDisplayCIELabValue")
    if len(lab) != 3:
        return None
    return from_lab(lab[0] / 65535 * 100, lab[1] / 65535 * 255 - 128, lab[2] / 65535 * 255 - 128)


def from_lab(lightness: float, a: float, b: float) -> Rgb:
    """Return CIELab (D65) as sRGB, cut to what a screen can show."""
    fy = (lightness + 16) / 116
    x, y, z = (_inverse(f) * white for f, white in zip((fy + a / 500, fy, fy - b / 200), _WHITE, strict=True))
    linear = (
        3.2406 * x - 1.5372 * y - 0.4986 * z,
        -0.9689 * x + 1.8758 * y + 0.0415 * z,
        0.0557 * x - 0.2040 * y + 1.0570 * z,
    )
    red, green, blue = (round(255 * _gamma(min(1.0, max(0.0, value)))) for value in linear)
    return red, green, blue


def _inverse(f: float) -> float:
    return f**3 if f > 6 / 29 else 3 * (6 / 29) ** 2 * (f - 4 / 29)


def _gamma(value: float) -> float:
    return float(12.92 * value if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055)
