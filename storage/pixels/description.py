"""What the Image Pixel module says about the samples (PS3.3 C.7.6.3), checked once.

Strict where a wrong value would show a wrong picture (size, samples, bits allocated); tolerant where the standard
leaves one sensible reading (missing Bits Stored or High Bit, a missing Photometric Interpretation).
"""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from storage.errors import PixelError

INTEGER = "PixelData"
FLOAT = "FloatPixelData"
DOUBLE = "DoubleFloatPixelData"

_WIDTHS = {INTEGER: (1, 8, 16, 32, 64), FLOAT: (32,), DOUBLE: (64,)}


@dataclass(frozen=True, slots=True)
class PixelDescription:
    """The shape and meaning of one frame's samples.

    `element` is the keyword of the pixel data element; bits count per sample; `photometric_interpretation` is as
    written in the header, which decoding may change (see `Frame`).
    """

    element: str
    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    is_signed: bool
    photometric_interpretation: str
    planar_configuration: int
    number_of_frames: int

    @property
    def is_float(self) -> bool:
        """Whether samples are floating point numbers."""
        return self.element != INTEGER

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, columns) or (rows, columns, samples)."""
        plane = (self.rows, self.columns)
        return plane if self.samples_per_pixel == 1 else (*plane, self.samples_per_pixel)

    @property
    def samples(self) -> int:
        """Samples in one decoded frame."""
        return self.rows * self.columns * self.samples_per_pixel

    @property
    def decoded_bytes(self) -> int:
        """Bytes of one decoded frame."""
        return self.samples * max(1, self.bits_allocated // 8)

    @property
    def is_subsampled(self) -> bool:
        """Whether native samples are stored Y Y B R for two pixels (PS3.3 C.7.6.3.1.2, the 422 forms)."""
        return self.photometric_interpretation.endswith("_422") and self.samples_per_pixel == 3

    @property
    def native_bits(self) -> int:
        """Bits that one frame takes in native (not encapsulated) form, without padding."""
        samples = self.samples * 2 // 3 if self.is_subsampled else self.samples
        return samples * self.bits_allocated


def describe(ds: Dataset, element: str) -> PixelDescription:
    """Read the description for the pixel data element named `element`; `PixelError` names what is wrong."""
    rows, columns = _size(ds)
    samples = _integer(ds, "SamplesPerPixel", 1)
    if samples not in (1, 3, 4):
        raise PixelError(f"SamplesPerPixel is {samples}; 1, 3 or 4 can be decoded")
    allocated = _bits_allocated(ds, element)
    stored, high_bit = _stored_bits(ds, allocated)
    return PixelDescription(
        element=element,
        rows=rows,
        columns=columns,
        samples_per_pixel=samples,
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high_bit,
        is_signed=_integer(ds, "PixelRepresentation", 0) == 1,
        photometric_interpretation=_photometric(ds, samples),
        planar_configuration=_integer(ds, "PlanarConfiguration", 0),
        number_of_frames=_frames(ds),
    )


def _size(ds: Dataset) -> tuple[int, int]:
    rows, columns = _integer(ds, "Rows", 0), _integer(ds, "Columns", 0)
    if rows < 1 or columns < 1:
        raise PixelError(f"Rows x Columns is {rows} x {columns}; there is no picture of that size")
    return rows, columns


def _bits_allocated(ds: Dataset, element: str) -> int:
    widths = _WIDTHS[element]
    allocated = _integer(ds, "BitsAllocated", widths[0] if len(widths) == 1 else 0)
    if allocated not in widths:
        allowed = ", ".join(map(str, widths))
        raise PixelError(f"BitsAllocated is {allocated}; {element} can have {allowed}")
    return allocated


def _stored_bits(ds: Dataset, allocated: int) -> tuple[int, int]:
    stored = _integer(ds, "BitsStored", allocated)
    if not 1 <= stored <= allocated:
        stored = allocated
    high_bit = _integer(ds, "HighBit", stored - 1)
    if not stored - 1 <= high_bit < allocated:
        high_bit = stored - 1
    return stored, high_bit


def _frames(ds: Dataset) -> int:
    frames = _integer(ds, "NumberOfFrames", 1)
    if frames < 0:
        raise PixelError(f"NumberOfFrames is {frames}")
    return frames or 1


def _photometric(ds: Dataset, samples: int) -> str:
    value = str(attribute(ds, "PhotometricInterpretation") or "").strip().upper()
    return value or ("MONOCHROME2" if samples == 1 else "RGB")


def _integer(ds: Dataset, keyword: str, default: int) -> int:
    """The value as a whole number; `default` where absent or empty; `PixelError` where it is no single number."""
    value = attribute(ds, keyword)
    if value is None or value == "":
        return default
    if not isinstance(value, int):
        raise PixelError(f"{keyword} is not one whole number: {str(value)[:40]}")
    return int(value)


def attribute(ds: Dataset, keyword: str) -> object:
    """The value of an attribute, None where absent; `PixelError` where pydicom cannot convert what is written."""
    try:
        return ds.get(keyword)
    except (TypeError, ValueError, OverflowError, NotImplementedError, AttributeError, KeyError) as error:
        raise PixelError(f"{keyword} cannot be read: {error}") from error
