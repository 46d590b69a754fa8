"""Bodies of store requests (PS3.18 10.5)."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian
from werkzeug.test import TestResponse

from tests.support.objects import SERIES, ct

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


def numbered(number: int, **attributes: object) -> Dataset:
    """A CT image whose number is in its UID, too."""
    return ct(SOPInstanceUID=f"{SERIES}.{number}", InstanceNumber=number, **attributes)


def json_of(answer: TestResponse) -> dict[str, Any]:
    """What an answer says in JSON, whatever its media type."""
    found: dict[str, Any] = json.loads(answer.data)
    return found


def problem(answer: TestResponse, status: int) -> str:
    """The sentence of a refusal (RFC 9457)."""
    assert answer.status_code == status, answer.data
    assert answer.content_type == "application/problem+json"
    return str(answer.json["detail"])


def bearer(token: str) -> Mapping[str, str]:
    """The field that shows an API token."""
    return {"Authorization": f"Bearer {token}"}
