"""An open object from which frames are taken one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from storage.errors import PixelError
from storage.pixels.codecs import Cells, decoder_for, is_compressed
from storage.pixels.description import PixelDescription, attribute, describe
from storage.pixels.frame_index import FrameIndex, Span, encapsulated_index, native_index
from storage.pixels.header import Header, PixelElement, read_header
from storage.pixels.limits import DecodeLimits
from storage.pixels.native import native_cells, stored_values


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame.

    `values`: true stored values, shape (rows, columns) or (rows, columns, 3), smallest integer type that holds them, or
    float32 / float64. `photometric_interpretation` is that of `values`: codecs that undo a colour transform give RGB,
    and subsampled chroma is brought to full resolution (YBR_FULL_422 becomes YBR_FULL).
    """

    index: int
    values: NDArray[Any]
    photometric_interpretation: str


class PixelObject:
    """A stored object opened for its pixels; use as a context manager, safe to read from several threads.

    Only the header is read on opening; frames are read by position.
    """

    def __init__(self, path: Path, header: Header, limits: DecodeLimits, index: FrameIndex | None) -> None:
        self.path = path
        self._header = header
        self._limits = limits
        if index is not None:
            self.__dict__["frame_index"] = index

    @property
    def ds(self) -> Dataset:
        """The header, without pixel data."""
        return self._header.ds

    @property
    def transfer_syntax_uid(self) -> str:
        """From the file meta, or as found where it says nothing."""
        return self._header.transfer_syntax_uid

    @property
    def has_pixels(self) -> bool:
        """Whether there is a pixel data element; documents, plans and waveforms have none."""
        return self._header.element is not None

    @cached_property
    def description(self) -> PixelDescription:
        """Size and meaning of the samples; `PixelError` where there are none or they cannot be described."""
        with self._located():
            element = self._element()
            description = describe(self.ds, element.keyword)
            if description.decoded_bytes > self._limits.frame_bytes:
                size = f"{description.rows} x {description.columns} x {description.samples_per_pixel}"
                raise PixelError(f"a frame of {size} samples is over the limit of {self._limits.frame_bytes} bytes")
            return self._true_chroma(description, element)

    @property
    def number_of_frames(self) -> int:
        """At least 1."""
        return self.description.number_of_frames

    @cached_property
    def frame_index(self) -> FrameIndex:
        """Where each frame is; found on first use, may be kept by the caller and given to `open_object` again."""
        description, element = self.description, self._element()
        with self._located():
            if element.is_encapsulated:
                decoder_for(self.transfer_syntax_uid)
                frames = description.number_of_frames
                return encapsulated_index(self._header.source, element, self.ds, frames, self.transfer_syntax_uid)
            if is_compressed(self.transfer_syntax_uid):
                raise PixelError(f"transfer syntax {self.transfer_syntax_uid} is compressed, the pixel data is not")
            return native_index(element, description)

    def encoded_frame(self, index: int) -> bytes:
        """Bytes of frame `index` (from 0) as stored: fragments joined, or native bytes in the file's byte order."""
        frame_index = self.frame_index
        with self._located(index):
            return b"".join(self._read(span) for span in frame_index.spans(index))

    def frame(self, index: int) -> Frame:
        """Decode frame `index`, counted from 0; `NotFound` outside the object, `PixelError` where it cannot be done."""
        cells = self._cells(index)
        values = stored_values(cells.values, cells.precision, self.description)
        return Frame(index, values, cells.photometric_interpretation)

    def cells(self, index: int) -> Cells:
        """Samples of frame `index` as they were encoded, before Bits Stored is applied; raises as `frame`."""
        return self._cells(index)

    def native_frame(self, index: int) -> bytes:
        """Frame `index` of an object that is not compressed, in little endian; planes and chroma as stored.

        Not for samples of one bit. Raises as `frame`.
        """
        description = self.description
        span = self.frame_index.spans(index)[0]
        with self._located(index):
            if self._header.is_little_endian:
                return self._read(span)
            data = self._native_bytes(span, False)
            return np.frombuffer(data, f"u{description.bits_allocated // 8}").byteswap().tobytes()

    def overlay_bit(self, index: int, bit: int) -> NDArray[np.bool_]:
        """Plane that is kept in an unused bit of each sample (PS3.3 C.9.2, retired), True where set."""
        description = self.description
        if not 0 <= bit < description.bits_allocated or description.samples_per_pixel != 1:
            raise PixelError(f"{self.path.name}: bit {bit} is no overlay plane of this pixel data")
        cells = self._cells(index).values
        bits: NDArray[np.bool_] = (cells.view(f"u{cells.dtype.itemsize}") >> bit & 1).astype(bool)
        return bits

    def close(self) -> None:
        """Give the file back."""
        self._header.source.close()

    def __enter__(self) -> PixelObject:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _element(self) -> PixelElement:
        element = self._header.element
        if element is None:
            name = attribute(self.ds, "SOPClassUID")
            raise PixelError(f"there is no pixel data in this object ({getattr(name, 'name', 'unknown class')})")
        return element

    def _true_chroma(self, description: PixelDescription, element: PixelElement) -> PixelDescription:
        """Native 4:2:2 that is stored with full chroma after all, as some writers do: believe the length."""
        full = replace(description, photometric_interpretation="YBR_FULL")
        enough = element.length * 8 >= full.native_bits * description.number_of_frames
        return full if description.is_subsampled and not element.is_encapsulated and enough else description

    def _cells(self, index: int) -> Cells:
        description, frame_index = self.description, self.frame_index
        with self._located(index):
            if frame_index.is_encapsulated:
                return decoder_for(self.transfer_syntax_uid)(self.encoded_frame(index), description)
            little = self._header.is_little_endian
            data = self._native_bytes(frame_index.spans(index)[0], little)
            cells = native_cells(data, frame_index.bit_offset(index), description, little)
            photometric = description.photometric_interpretation
            return Cells(cells, 0, "YBR_FULL" if photometric == "YBR_FULL_422" else photometric)

    def _native_bytes(self, span: Span, little: bool) -> bytes:
        """Big endian words of two small samples are turned round, so that bytes are in pixel order (PS3.5 A.3)."""
        element = self._element()
        if little or element.vr != "OW" or self.description.bits_allocated > 8:
            return self._read(span)
        lead = (span.offset - element.offset) % 2
        words = Span(span.offset - lead, (span.length + lead + 1) // 2 * 2)
        data = np.frombuffer(self._read(words), np.uint16).byteswap().tobytes()
        return data[lead : lead + span.length]

    def _read(self, span: Span) -> bytes:
        return self._header.source.read(span.offset, span.length)

    @contextmanager
    def _located(self, index: int | None = None) -> Iterator[None]:
        """Say in every `PixelError` which object and frame it is about."""
        try:
            yield
        except PixelError as error:
            where = self.path.name if index is None else f"{self.path.name}, frame {index + 1}"
            raise PixelError(f"{where}: {error}") from error
        except MemoryError as error:
            raise PixelError(f"{self.path.name}: not enough memory for a frame") from error


def open_object(
    path: Path, *, limits: DecodeLimits | None = None, frame_index: FrameIndex | None = None
) -> PixelObject:
    """Open the object at `path`, reading its header only.

    `frame_index`, from an earlier opening of the same bytes, saves finding the frames again.
    Raises `NotFound` where there is no such file and `PixelError` where it is not readable as DICOM. An object without
    pixel data opens; asking it for pixels raises `PixelError`.
    """
    limits = limits or DecodeLimits()
    try:
        return PixelObject(path, read_header(path, limits), limits, frame_index)
    except PixelError as error:
        raise PixelError(f"{path.name}: {error}") from error
