"""Entries for the index without files: many of them, fast."""

from __future__ import annotations

import hashlib
from types import MappingProxyType

from storage.attributes import ATTRIBUTES, BY_KEYWORD, Matching
from storage.batch import Entry
from storage.header import Header, Value


def entry(n: int = 1, *, day: str = "2026/01/31", size: int = 1000, **values: Value) -> Entry:
    """An entry of its own instance UID; keywords set what the header says."""
    header: dict[str, Value] = {a.column: None if a.matching is Matching.NUMBER else "" for a in ATTRIBUTES}
    header |= {
        "study_instance_uid": "1.2.3",
        "series_instance_uid": "1.2.3.1",
        "sop_instance_uid": f"1.2.3.1.{n}",
        "sop_class_uid": "1.2.840.10008.5.1.4.1.1.2",
        "modality": "CT",
        "instance_number": n,
    }
    header |= {BY_KEYWORD[keyword].column: value for keyword, value in values.items()}
    uid = str(header["sop_instance_uid"])
    return Entry(
        header=Header(MappingProxyType(header), None),
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        received_on=day,
        received_at="2026-01-31T08:15:00.000+00:00",
        size=size,
        dataset_offset=400,
        dataset_sha256=hashlib.sha256(uid.encode()).digest(),
    )
