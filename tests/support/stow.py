"""Bodies of store requests (PS3.18 10.5)."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

BOUNDARY = "a-boundary"
STOW = {"Content-Type": f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'}
ACCEPT_JSON = {"Accept": "application/dicom+json"}


def part10(ds: Dataset, transfer_syntax_uid: str = ExplicitVRLittleEndian) -> bytes:
    """An object in the form of PS3.10."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    buffer = io.BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def part(content: bytes, content_type: str | None = "application/dicom", **headers: str) -> bytes:
    """One part with its boundary before it."""
    lines = [f"--{BOUNDARY}"]
    if content_type is not None:
        lines.append(f"Content-Type: {content_type}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content + b"\r\n"


def body(parts: Iterable[bytes]) -> bytes:
    """A whole body."""
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def files(*objects: bytes) -> bytes:
    """A body of objects."""
    return body(part(one) for one in objects)


def bearer(token: str) -> Mapping[str, str]:
    """The field that shows an API token."""
    return {"Authorization": f"Bearer {token}"}
