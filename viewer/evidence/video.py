"""Videos inside DICOM objects: the bitstream as a file that a browser plays (PS3.5 A.4.5 to A.4.9)."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

from pydicom.encaps import generate_fragments

from storage.errors import PixelError
from storage.model import Instance

SYNTAXES = {f"1.2.840.10008.1.2.4.{number}" for number in (100, 101, 102, 103, 104, 105, 106, 107, 108)}
"""MPEG-2, MPEG-4 AVC and HEVC transfer syntaxes, the fragmentable ones aside by their suffix."""
_MP4 = b"ftyp"


def is_video(instance: Instance) -> bool:
    """Tell whether the pixel data is a video stream."""
    return instance.transfer_syntax_uid.removesuffix(".1") in SYNTAXES and instance.pixel_data_offset is not None


def video_file(instance: Instance, folder: Path) -> Path:
    """Return the video of `instance` as an MP4 file below `folder`, where it is written once.

    Raises `PixelError` for other streams (MPEG-2, transport streams), which browsers do not play.
    """
    if not is_video(instance):
        raise PixelError("this object holds no video")
    path = folder / f"{instance.dataset_sha256.hex()}.mp4"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f"{uuid4().hex}.part"
        try:
            _write(instance, part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return path


def _write(instance: Instance, path: Path) -> None:
    with instance.path.open("rb") as source, path.open("wb") as out:
        source.seek(instance.pixel_data_offset or 0)
        fragments = generate_fragments(source)
        next(fragments, None)  # the basic offset table
        first = next(fragments, b"")
        if first[4:8] != _MP4:
            raise PixelError("the video is of a form that browsers do not play; take the file")
        out.write(first)
        for fragment in fragments:
            out.write(fragment)
