"""Everything about a frame that does not depend on the view: decoded, described, ready for any window.

Grey frames of whole numbers that span at most 65,536 values become `codes` (value minus the lowest) and a table of the
modality value of each code. A new window then costs one small table and one lookup by pixel. Others (floats, wide
32-bit) keep their modality values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from storage.errors import PixelError
from storage.pixels import Frame, PixelDescription, PixelObject
from viewer.rendering.attributes import number, text
from viewer.rendering.colour import to_rgb
from viewer.rendering.modality import Modality, read_modality
from viewer.rendering.overlay import overlay_mask
from viewer.rendering.palette import Palette, has_palette, read_palette
from viewer.rendering.shutter import Shutter, shutter_of
from viewer.rendering.spacing import read_aspect
from viewer.rendering.view import Window
from viewer.rendering.voi import Voi, full_range, read_voi

_MAX_CODES = 65536


@dataclass(frozen=True, slots=True, eq=False)
class Grey:
    """A grey frame.

    `codes` (uint8 or uint16) index `values` (float64, modality values), or `codes` is None and `values` has the frame's
    shape. `padding` has the shape of `values`, True where a value means "no picture here". `inverse`: low values are
    bright. `supplement`: colours for codes, with True in `coloured` where they replace the grey.
    """

    codes: NDArray[Any] | None
    values: NDArray[np.float64]
    padding: NDArray[np.bool_] | None
    inverse: bool
    colours: NDArray[np.uint8] | None = None
    coloured: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A decoded frame, immutable and safe to share between threads and to cache (`nbytes` says what it costs).

    Exactly one of `grey` and `rgb` (uint8, rows x columns x 3) is set. `stored` are the stored values, for probing.
    `voi` are the VOI transformations to choose from, at least one for grey frames; `stated_voi` tells whether they are
    the object's own. `overlay` is True where graphics lie. `aspect` is pixel height over width. `shutter` is what the
    object wants covered.
    """

    description: PixelDescription
    index: int
    stored: NDArray[Any]
    modality: Modality
    grey: Grey | None
    rgb: NDArray[np.uint8] | None
    voi: tuple[Voi, ...]
    stated_voi: bool
    overlay: NDArray[np.bool_] | None
    aspect: float
    shutter: Shutter | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of memory held by the arrays."""
        grey = (self.grey.codes, self.grey.values, self.grey.padding) if self.grey else ()
        covered = self.shutter.covered if self.shutter else None
        arrays = (self.stored, self.rgb, self.overlay, covered, *grey)
        return sum(array.nbytes for array in arrays if array is not None)

    @property
    def default_window(self) -> Window | None:
        """The window that a view without one gets, where it is a window and not a table."""
        first = self.voi[0] if self.voi else None
        return first if isinstance(first, Window) else None


def prepare(obj: PixelObject, index: int) -> Prepared:
    """Decode and describe frame `index` (from 0); `PixelError` where it cannot be shown, `NotFound` outside."""
    frame = obj.frame(index)
    try:
        return _prepare(obj, frame)
    except PixelError as error:
        raise PixelError(f"{obj.path.name}, frame {index + 1}: {error}") from error


def _prepare(obj: PixelObject, frame: Frame) -> Prepared:
    ds, description = obj.ds, obj.description
    little = ds.original_encoding[1] is not False
    modality, grey, rgb, stated = Modality(), None, None, False
    voi: tuple[Voi, ...] = ()
    if frame.photometric_interpretation == "PALETTE COLOR":
        rgb = read_palette(ds, description.is_signed, little).apply(frame.values)
    elif description.samples_per_pixel == 3:
        rgb = to_rgb(frame.values, frame.photometric_interpretation, description.bits_stored)
    elif frame.photometric_interpretation in ("MONOCHROME1", "MONOCHROME2"):
        modality = read_modality(ds, frame.index, description.is_signed, little)
        grey = _grey(ds, frame, modality, description, little)
        voi, stated = _voi(ds, frame, grey, modality, description, little)
    else:
        raise PixelError(f"photometric interpretation {frame.photometric_interpretation} cannot be shown")
    return Prepared(
        description=description,
        index=frame.index,
        stored=frame.values,
        modality=modality,
        grey=grey,
        rgb=rgb,
        voi=voi,
        stated_voi=stated,
        overlay=overlay_mask(obj, frame.index),
        aspect=read_aspect(ds, frame.index),
        shutter=shutter_of(ds, frame.index, description.rows, description.columns),
    )


def is_inverse(ds: Dataset, description: PixelDescription) -> bool:
    """Whether low values are bright. INVERSE goes with MONOCHROME1 and says the same again (PS3.3 C.8.11.3)."""
    is_monochrome1 = description.photometric_interpretation == "MONOCHROME1"
    return is_monochrome1 or text(ds, "PresentationLUTShape") == "INVERSE"


def _grey(ds: Dataset, frame: Frame, modality: Modality, description: PixelDescription, little: bool) -> Grey:
    stored = frame.values
    inverse = is_inverse(ds, description)
    if stored.dtype.kind == "f":
        finite = np.isfinite(stored)
        values = modality.apply(np.where(finite, stored, 0))
        padding = _padding(ds, stored, description)
        return Grey(None, values, _either(padding, None if finite.all() else ~finite), inverse)
    low, high = int(stored.min()), int(stored.max())
    if high - low >= _MAX_CODES:
        return Grey(None, modality.apply(stored), _padding(ds, stored, description), inverse)
    codes = _codes(stored, low, high)
    levels = np.arange(low, high + 1)
    colours, coloured = _supplement(ds, levels, description, little)
    return Grey(codes, modality.apply(levels), _padding(ds, levels, description), inverse, colours, coloured)


def _codes(stored: NDArray[Any], low: int, high: int) -> NDArray[Any]:
    """Values minus the lowest, in the smallest unsigned type; wraps round for signed values, which is right."""
    width = np.uint8 if high - low < 256 else np.uint16
    unsigned = stored.view(f"u{stored.dtype.itemsize}")
    codes: NDArray[Any] = unsigned - unsigned.dtype.type(low % (1 << 8 * stored.dtype.itemsize))
    return codes.astype(width, copy=False)


def _padding(ds: Dataset, values: NDArray[Any], description: PixelDescription) -> NDArray[np.bool_] | None:
    """Where stored values are Pixel Padding Value, or up to the Range Limit (PS3.3 C.7.5.1.1.2); None for nowhere."""
    limits = padding_range(ds, description)
    if limits is None:
        return None
    low, high = limits
    mask: NDArray[np.bool_] = (values >= low) & (values <= high)
    return mask if mask.any() else None


def padding_range(ds: Dataset, description: PixelDescription) -> tuple[float, float] | None:
    """The lowest and the highest stored value that mean "no picture here" (PS3.3 C.7.5.1.1.2); None where unsaid."""
    value = _padding_number(ds, "PixelPaddingValue", description)
    if value is None:
        return None
    limit = _padding_number(ds, "PixelPaddingRangeLimit", description)
    low, high = sorted((value, value if limit is None else limit))
    return low, high


def _padding_number(ds: Dataset, keyword: str, description: PixelDescription) -> float | None:
    """The value as a stored value: written unsigned for signed pixels, or wider than Bits Stored, it is wrapped."""
    prefix = "" if description.element == "PixelData" else description.element.removesuffix("PixelData")
    value = number(ds, prefix + keyword)
    if value is None or prefix or description.bits_stored > 16:
        return value
    span = 1 << description.bits_stored
    wrapped = int(value) % span
    return wrapped - span if description.is_signed and wrapped >= span // 2 else wrapped


def _either(one: NDArray[np.bool_] | None, other: NDArray[np.bool_] | None) -> NDArray[np.bool_] | None:
    return one if other is None else other if one is None else one | other


def _supplement(
    ds: Dataset, levels: NDArray[Any], description: PixelDescription, little: bool
) -> tuple[NDArray[np.uint8] | None, NDArray[np.bool_] | None]:
    """Colours for values that a Supplemental Palette maps; lower values stay grey (PS3.3 C.7.6.19)."""
    if not has_palette(ds) or text(ds, "PixelPresentation") not in ("COLOR", "MIXED"):
        return None, None
    palette: Palette = read_palette(ds, description.is_signed, little)
    return palette.apply(levels), levels >= palette.first


def _voi(
    ds: Dataset, frame: Frame, grey: Grey, modality: Modality, description: PixelDescription, little: bool
) -> tuple[tuple[Voi, ...], bool]:
    signed = description.is_signed or bool(grey.values.size and grey.values.min() < 0)
    stated = read_voi(ds, frame.index, signed, little, description.is_float)
    return (stated, True) if stated else ((_default_window(frame, grey, modality, description),), False)


def _default_window(frame: Frame, grey: Grey, modality: Modality, description: PixelDescription) -> Window:
    """Small unsigned values as they are (they were made for a screen); else from lowest to highest, without padding."""
    if modality.is_identity and description.bits_stored <= 8 and not description.is_signed:
        return full_range(0, 2**description.bits_stored - 1, True)
    shown = grey.values[_present(grey)]
    if shown.size == 0:
        return Window(0.5, 1)
    whole = frame.values.dtype.kind != "f" and (modality.table is not None or modality.slope.is_integer())
    return full_range(float(shown.min()), float(shown.max()), whole)


def _present(grey: Grey) -> NDArray[np.bool_]:
    """Which of `grey.values` occur in the frame and are no padding."""
    if grey.codes is None:
        present = np.ones(grey.values.shape, np.bool_)
    else:
        present = np.bincount(grey.codes.ravel(), minlength=len(grey.values)) > 0
    return present if grey.padding is None else present & ~grey.padding
