"""DICOM JSON of real objects of many devices and character sets, held against pydicom's reading of the same files."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from storage import meta
from storage.errors import InvalidObject
from storage.header import DEFLATED, encoding_of
from storage.scan import Encoding
from viewer.dicomweb.dicom_json import Encoder, document
from viewer.dicomweb.elements import UNDEFINED, locate

_SMALL = 1 << 18
_BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_NOT_COMPARED = frozenset({0x00080005, 0x7FE00010})


def _files(folder: Path) -> Iterator[tuple[Path, bytes, Encoding]]:
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.stat().st_size > _SMALL:
            continue
        descriptor = os.open(path, os.O_RDONLY)
        try:
            about = meta.read(descriptor, path.stat().st_size)
            block = os.pread(descriptor, _SMALL, about.data_set_offset)
        except InvalidObject:
            continue
        finally:
            os.close(descriptor)
        if about.transfer_syntax_uid not in DEFLATED:
            yield path, block, encoding_of(about.transfer_syntax_uid)


def _reader(block: bytes, encoding: Encoding) -> Callable[[str], bytes]:
    """What fetches bulk data: an address is the place of a value in the same bytes."""

    def value(place: str) -> bytes:
        found = locate(block, encoding, place)
        assert found is not None, place
        element = found[0]
        return b"" if element.length == UNDEFINED else block[element.value : element.value + element.length]

    return value


def _plain(ds: Dataset) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for e in ds:
        if e.tag.element == 0 or e.tag in _NOT_COMPARED:
            continue
        values = list(e.value) if isinstance(e.value, MultiValue | list) else [e.value]
        if e.VR == "SQ":
            found[e.tag] = [_plain(item) for item in e.value]
        elif e.VR in _BINARY:
            found[e.tag] = bytes(e.value or b"")
        elif e.VR == "PN":
            names = (
                "=".join(group.strip() if group.strip("^ ") else "" for group in str(v).split("=")).rstrip("=")
                for v in values
            )
            found[e.tag] = [name for name in names if name.strip("^= ")]
        elif e.VR in ("DS", "FL", "FD"):
            found[e.tag] = [float(v) for v in values if v not in (None, "")]
        elif e.VR in ("LT", "ST", "UT", "UR"):
            found[e.tag] = [str(v).rstrip(" \0") for v in values if v]
        else:
            found[e.tag] = [str(v).strip(" \0") if isinstance(v, str) else v for v in values if v not in (None, "")]
    return found


def test_real_objects_say_what_pydicom_reads_in_shared_data(shared_data: Path) -> None:
    seen, unreadable = 0, list[str]()
    for path, block, encoding in _files(shared_data):
        if not encoding.little_endian:
            continue  # binary values would have to be turned round to be compared

        try:
            made = json.loads(document(Encoder().attributes(block, encoding, lambda place: place)))
        except InvalidObject:
            assert "malformed" in str(path), path
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = _plain(dcmread(path))
            try:
                found = _plain(Dataset.from_json(made, _reader(block, encoding)))
            except ValueError as error:
                # A device wrote letters into an IS: the text is passed on, though pydicom has no place for it.
                unreadable.append(str(error))
                continue
        assert found == expected, path
        seen += 1
    assert seen >= 100
    assert len(unreadable) <= 3, unreadable
