"""Objects that were refused or conflict: kept as they came, each beside a JSON file with the reason.

The JSON is written first, so that an object is never seen without its reason; a JSON file alone is what a power cut
left of an attempt and is ignored.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from uuid import uuid4

from storage.errors import DuplicateConflict, InvalidObject, StorageError, UnsafeUID
from storage.files import FileStore, IncomingFile, disk_errors
from storage.model import Quarantined, Source


class Reason(Enum):
    """Why an object is not a normal one."""

    UNREADABLE = "unreadable"
    UNSAFE_UID = "unsafe-uid"
    CLASS_MISMATCH = "class-mismatch"
    CONFLICT = "conflict"


def reason_of(error: StorageError) -> Reason:
    """Return the reason that stands for an error."""
    kinds = ((UnsafeUID, Reason.UNSAFE_UID), (InvalidObject, Reason.UNREADABLE), (DuplicateConflict, Reason.CONFLICT))
    return next((reason for kind, reason in kinds if isinstance(error, kind)), Reason.CLASS_MISMATCH)


class Quarantine:
    """The `quarantine/` folder of one archive."""

    def __init__(self, files: FileStore) -> None:
        self._files = files
        self._folder = files.data / "quarantine"

    def keep(self, incoming: IncomingFile, error: StorageError, source: Source, announced: tuple[str, str, str]) -> str:
        """Move an incoming object here with its reason; answer with its identifier.

        `announced` are the SOP Class, SOP Instance and Transfer Syntax UID that the sender named.

        Raises:
            OutOfSpace, WriteFailed: it could not be kept.
        """
        now = datetime.now(UTC)
        identifier = f"{now:%Y%m%dT%H%M%S%f}-{uuid4().hex[:12]}"
        sop_class_uid, sop_instance_uid, transfer_syntax_uid = announced
        facts = {
            "reason": reason_of(error).value,
            "detail": str(error),
            "received_at": now.isoformat(timespec="milliseconds"),
            "calling_aet": source.aet,
            "address": source.address,
            "sop_class_uid": sop_class_uid,
            "sop_instance_uid": sop_instance_uid,
            "transfer_syntax_uid": transfer_syntax_uid,
            "size": incoming.size,
        }
        with disk_errors("cannot keep an object in quarantine"):
            _write_synced(self._folder / f"{identifier}.json", json.dumps(facts, ensure_ascii=False, indent=1))
        self._files.place(incoming, Path("quarantine") / f"{identifier}.dcm")
        return identifier

    def count(self) -> int:
        """Return how many objects are here."""
        return sum(1 for path in self._folder.iterdir() if path.suffix == ".dcm")

    def page(self, limit: int, offset: int) -> list[Quarantined]:
        """Return objects, the newest first."""
        names = sorted((p.stem for p in self._folder.iterdir() if p.suffix == ".dcm"), reverse=True)
        return [self.get(name) for name in names[offset : offset + limit]]

    def get(self, identifier: str) -> Quarantined:
        """Return one object's facts; where its JSON is damaged, what the file itself tells."""
        path = self._folder / f"{identifier}.dcm"
        facts = _read(path.with_suffix(".json"))
        return Quarantined(
            identifier=identifier,
            reason=str(facts.get("reason", Reason.UNREADABLE.value)),
            detail=str(facts.get("detail", "the file with the reason is damaged")),
            received_at=str(facts.get("received_at", "")),
            source=Source(str(facts.get("calling_aet", "")), str(facts.get("address", ""))),
            sop_class_uid=str(facts.get("sop_class_uid", "")),
            sop_instance_uid=str(facts.get("sop_instance_uid", "")),
            transfer_syntax_uid=str(facts.get("transfer_syntax_uid", "")),
            size=path.stat().st_size,
            path=path,
        )


def _write_synced(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8") as f:
        f.write(text)
        f.flush()
        os.fsync(f.fileno())


def _read(path: Path) -> dict[str, object]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
