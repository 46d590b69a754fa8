"""Objects for pixel tests, written to disk as a device would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    SecondaryCaptureImageStorage,
    generate_uid,
)

ImageFile = Callable[..., Path]


def describe(values: np.ndarray, frames: int) -> dict[str, Any]:
    """Image Pixel attributes that fit `values`: (frames, rows, columns[, 3]) or without the first axis."""
    shape = values.shape[1:] if frames > 1 else values.shape
    bits = values.dtype.itemsize * 8
    return {
        "Rows": shape[0],
        "Columns": shape[1],
        "SamplesPerPixel": 3 if len(shape) == 3 else 1,
        "PhotometricInterpretation": "RGB" if len(shape) == 3 else "MONOCHROME2",
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(values.dtype.kind == "i"),
        "NumberOfFrames": frames,
    } | ({"PlanarConfiguration": 0} if len(shape) == 3 else {})


@pytest.fixture
def image_file(tmp_path: Path) -> ImageFile:
    """Write an image: `image_file(values, frames=1, syntax=..., encoded=[one bytes a frame], raw=..., Keyword=value)`.

    A keyword of None leaves the attribute out.
    """

    def write(
        values: np.ndarray,
        frames: int = 1,
        syntax: str = ExplicitVRLittleEndian,
        encoded: list[bytes] | None = None,
        raw: bytes | None = None,
        vr: str = "OW",
        name: str = "image.dcm",
        **attributes: Any,
    ) -> Path:
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = UID(syntax)
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = SecondaryCaptureImageStorage
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
        big = syntax == ExplicitVRBigEndian
        for keyword, value in (describe(values, frames) | attributes).items():
            if value is not None:
                setattr(ds, keyword, value)
        if encoded is not None:
            raw, vr = encapsulate(encoded), "OB"
        ordered = values.astype(values.dtype.newbyteorder(">" if big else "<"))
        data = ordered.tobytes() if raw is None else raw
        ds.add_new(0x7FE00010, vr, data + b"\0" * (len(data) % 2))
        ds["PixelData"].is_undefined_length = encoded is not None
        path = tmp_path / name
        if syntax == DeflatedExplicitVRLittleEndian:
            dcmwrite(path, ds, enforce_file_format=True)
        else:  # pydicom refuses syntaxes that it does not know, or that do not fit the pixel data, unless forced
            ds.preamble = bytes(128)
            dcmwrite(path, ds, implicit_vr=False, little_endian=not big, force_encoding=True)
        return path

    return write
