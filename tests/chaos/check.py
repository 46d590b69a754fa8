"""Is everything there that was acknowledged, and nothing that should not be?"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from storage.archive import Archive
from storage.errors import NotFound
from storage.settings import ArchiveSettings
from storage.verify import verify


@dataclass(frozen=True, slots=True)
class Faults:
    """Each a list of what is wrong, empty in a good archive."""

    lost: tuple[str, ...] = ()
    """Acknowledged, and not to be found or not with the bytes that were sent."""
    rows_without_files: tuple[str, ...] = ()
    files_without_rows: tuple[str, ...] = ()
    """In `archive/`, or left in `incoming/` by processes that are gone, or in quarantine without a reason."""

    def __bool__(self) -> bool:
        return bool(self.lost or self.rows_without_files or self.files_without_rows)


def lost(data: Path, acknowledged: Mapping[str, bytes]) -> tuple[str, ...]:
    """Ask for every acknowledged object and compare its bytes."""
    with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as archive:
        return tuple(uid for uid, digest in acknowledged.items() if not _is_kept(archive, uid, digest))


def _is_kept(archive: Archive, uid: str, digest: bytes) -> bool:
    try:
        instance = archive.instance(uid)
        content = instance.path.read_bytes()
    except (NotFound, FileNotFoundError):
        return False
    return hashlib.sha256(content[instance.dataset_offset :]).digest() == digest


def whole(data: Path, acknowledged: Mapping[str, bytes]) -> Faults:
    """Look at everything; only while nothing is being received."""
    missing, unknown = [], []
    with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as archive:
        for step in verify(archive, resume=False):
            for finding in step.findings:
                kind = unknown if finding.fault.name == "UNKNOWN" else missing
                kind.append(f"{finding.fault.name} {finding.path}")
    left = [str(p) for p in (data / "incoming").rglob("*") if p.is_file()]
    bare = [str(p) for p in (data / "quarantine").glob("*.dcm") if not p.with_suffix(".json").exists()]
    return Faults(lost(data, acknowledged), tuple(missing), (*unknown, *left, *bare))
