"""Writing datasets as PS3.10 files in a chosen transfer syntax (PS3.5 A)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import imagecodecs
import jpeg_ls
from numpy.typing import NDArray
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from rle.utils import encode_pixel_data

from sample_dicom.uids import IMPLEMENTATION

Frame = NDArray[Any]


def _jpeg_lossless(frame: Frame, bits: int) -> bytes:
    return bytes(
        imagecodecs.jpeg8_encode(frame.astype(_container(bits)), lossless=True, predictor=1, bitspersample=max(bits, 8))
    )


def _jpeg_ls(frame: Frame, bits: int) -> bytes:
    data = frame.astype(_container(bits))
    return bytes(jpeg_ls.encode_buffer(data.tobytes(), data.shape[0], data.shape[1], 1, bits))


def _jpeg_2000(frame: Frame, bits: int) -> bytes:
    data = frame.astype(_container(bits))
    return bytes(imagecodecs.jpeg2k_encode(data, reversible=True, codecformat="j2k", bitspersample=bits, resolutions=5))


def _htj2k(frame: Frame, bits: int) -> bytes:
    """The encoder writes whole words only, so that `bits` must be 8 or 16 for the codestream to agree with it."""
    if bits not in (8, 16):
        raise ValueError(f"HTJ2K is written with 8 or 16 bits, not {bits}")
    return bytes(imagecodecs.htj2k_encode(frame.astype(_container(bits)), reversible=True))


def _rle(frame: Frame, bits: int) -> bytes:
    """One frame of one sample, each byte plane a segment (PS3.5 G)."""
    data = frame.astype(_container(bits))
    options = {"rows": data.shape[0], "columns": data.shape[1], "samples_per_pixel": 1}
    return encode_pixel_data(data.tobytes(), bits_allocated=data.itemsize * 8, byteorder="<", **options)


def _baseline(frame: Frame, bits: int) -> bytes:
    """Colour frames (rows, columns, 3) RGB in, YCbCr 4:2:2 JPEG out; lossy."""
    if bits != 8:
        raise ValueError(f"JPEG baseline holds 8 bits, not {bits}")
    return bytes(imagecodecs.jpeg8_encode(frame, level=75, subsampling="422"))


_ENCODERS: dict[UID, Callable[[Frame, int], bytes]] = {
    JPEGLosslessSV1: _jpeg_lossless,
    JPEGLSLossless: _jpeg_ls,
    JPEG2000Lossless: _jpeg_2000,
    HTJ2KLossless: _htj2k,
    RLELossless: _rle,
    JPEGBaseline8Bit: _baseline,
}

SYNTAXES: dict[str, UID] = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "jpeg-lossless": JPEGLosslessSV1,
    "jpeg-ls": JPEGLSLossless,
    "jpeg-2000": JPEG2000Lossless,
    "htj2k": HTJ2KLossless,
    "rle": RLELossless,
}
"""Names of the lossless transfer syntaxes for the command line."""


def file_meta(ds: Dataset, transfer_syntax_uid: UID) -> FileMetaDataset:
    """File meta information (PS3.10 7.1) for `ds`."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = transfer_syntax_uid
    meta.ImplementationClassUID = IMPLEMENTATION
    meta.ImplementationVersionName = "FILMLESS_SAMPLE"
    return meta


def with_pixels(ds: Dataset, frames: Sequence[Frame], transfer_syntax_uid: UID = ExplicitVRLittleEndian) -> Dataset:
    """Put `frames` (integers within Bits Stored) into `ds`, encoded; sets the file meta information too.

    Raises KeyError for a transfer syntax that has no encoder here.
    """
    ds.file_meta = file_meta(ds, transfer_syntax_uid)
    if transfer_syntax_uid.is_encapsulated:
        encoder = _ENCODERS[transfer_syntax_uid]
        if transfer_syntax_uid == HTJ2KLossless:
            ds.BitsStored, ds.HighBit = ds.BitsAllocated, ds.BitsAllocated - 1
        ds.PixelData = encapsulate([encoder(frame, int(ds.BitsStored)) for frame in frames])
        ds["PixelData"].VR = "OB"
        ds["PixelData"].is_undefined_length = True
    else:
        data = b"".join(native(frame, ds) for frame in frames)
        ds.PixelData = data + b"\0" * (len(data) % 2)
        ds["PixelData"].VR = "OW" if ds.BitsAllocated > 8 else "OB"
    return ds


def native(frame: Frame, ds: Dataset) -> bytes:
    """Little-endian bytes of one frame as the Image Pixel Module of `ds` describes it."""
    kind = "i" if ds.PixelRepresentation else "u"
    return frame.astype(f"<{kind}{int(ds.BitsAllocated) // 8}").tobytes()


def write(ds: Dataset, path: Path) -> Path:
    """Write `ds` with its file meta information to `path`, making folders; returns `path`."""
    if not hasattr(ds, "file_meta"):
        ds.file_meta = file_meta(ds, ExplicitVRLittleEndian)
    path.parent.mkdir(parents=True, exist_ok=True)
    dcmwrite(path, ds, enforce_file_format=True)
    return path


def _container(bits: int) -> str:
    return "uint8" if bits <= 8 else "uint16"
