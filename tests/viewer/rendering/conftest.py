"""Small images, written to disk, opened and prepared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

from storage.pixels import PixelObject, open_object

Opened = Callable[..., PixelObject]


def dataset(values: np.ndarray, frames: int = 1, **attributes: Any) -> Dataset:
    """A native image with `values` of shape ([frames,] rows, columns[, 3]); a keyword of None is left out."""
    shape = values.shape[1:] if frames > 1 else values.shape
    bits = values.dtype.itemsize * 8
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = SecondaryCaptureImageStorage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = generate_uid()
    described = {
        "Rows": shape[0],
        "Columns": shape[1],
        "SamplesPerPixel": 3 if len(shape) == 3 else 1,
        "PhotometricInterpretation": "RGB" if len(shape) == 3 else "MONOCHROME2",
        "NumberOfFrames": frames,
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": int(values.dtype.kind == "i"),
    }
    if len(shape) == 3:
        described["PlanarConfiguration"] = 0
    for keyword, value in (described | attributes).items():
        if value is not None:
            setattr(ds, keyword, value)
    data = values.tobytes()
    if values.dtype.kind == "f":
        ds.add_new(0x7FE00008, "OF", data)
    else:
        ds.add_new(0x7FE00010, "OW", data + b"\0" * (len(data) % 2))
    return ds


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """`opened(values, frames=1, Keyword=value...)` or `opened(ds)`: an open object, closed after the test."""
    objects = []

    def open_image(values: np.ndarray | Dataset, frames: int = 1, **attributes: Any) -> PixelObject:
        ds = values if isinstance(values, Dataset) else dataset(values, frames, **attributes)
        path = tmp_path / f"image{len(objects)}.dcm"
        ds.save_as(path, enforce_file_format=True)
        objects.append(open_object(path))
        return objects[-1]

    yield open_image
    for obj in objects:
        obj.close()


@pytest.fixture
def made() -> Callable[..., Dataset]:
    """The data set alone, to be changed and given to `opened`."""
    return dataset
