"""Objects that were refused or conflict: kept as they came, each beside a JSON file with the reason.

The JSON is written first, so that an object is never seen without its reason; a JSON file alone is what a power cut
left of an attempt and is ignored. A scanner that sends the same broken object every few minutes fills no disk: the
same bytes refused for the same reason are kept once.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
import time
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from storage.errors import DuplicateConflict, InvalidObject, NotFound, StorageError, UnsafeUID
from storage.files import FileStore, IncomingFile, disk_errors
from storage.model import Quarantined, Source

_SUFFIX = ".dcm"
_IDENTIFIER = re.compile(r"[0-9TZ]+-[0-9a-f]+\Z")
# A folder that changed twice within one tick of the file system's clock does not show the second change.
_AT_REST_NS = 1_000_000_000


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
        self._lock = threading.Lock()
        self._listed: tuple[str, ...] = ()
        self._listed_at = -1

    def keep(self, incoming: IncomingFile, error: StorageError, source: Source, announced: tuple[str, str, str]) -> str:
        """Move an incoming object here with its reason; answer with its identifier, which it may share with a twin.

        `announced` are the SOP Class, SOP Instance and Transfer Syntax UID that the sender named.

        Raises:
            OutOfSpace, WriteFailed: it could not be kept.
        """
        now = datetime.now(UTC)
        key = _key(incoming, error, announced)
        twin = next((name for name in self._names() if name.endswith(key)), None)
        if twin is not None:
            if incoming.placed:
                self._files.take_back(incoming)
            return twin
        identifier = f"{now:%Y%m%dT%H%M%S%f}-{key}"
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
        note = self._folder / f"{identifier}.json"
        try:
            with disk_errors("cannot keep an object in quarantine"):
                _write_synced(note, json.dumps(_printable(facts), ensure_ascii=False, indent=1))
            self._files.place(incoming, Path("quarantine") / f"{identifier}{_SUFFIX}")
        except StorageError:
            note.unlink(missing_ok=True)
            raise
        return identifier

    def count(self) -> int:
        """Return how many objects are here."""
        return len(self._names())

    def page(self, limit: int, offset: int) -> list[Quarantined]:
        """Return objects, the newest first."""
        return [self.get(name) for name in self._names()[offset : offset + limit]]

    def _names(self) -> tuple[str, ...]:
        """Return all identifiers, the newest first; the folder is read again only when it has changed."""
        with self._lock, disk_errors("cannot list quarantine/"):
            changed = self._folder.stat().st_mtime_ns
            if changed != self._listed_at:
                with os.scandir(self._folder) as entries:
                    names = [e.name.removesuffix(_SUFFIX) for e in entries if e.name.endswith(_SUFFIX)]
                self._listed = tuple(sorted(names, reverse=True))
                self._listed_at = changed if time.time_ns() - changed > _AT_REST_NS else -1
            return self._listed

    def get(self, identifier: str) -> Quarantined:
        """Return one object's facts; where its JSON is damaged, what the file itself tells.

        Raises:
            NotFound: there is none of that identifier.
        """
        path = self._folder / f"{identifier}{_SUFFIX}"
        if not _IDENTIFIER.match(identifier) or not path.is_file():
            raise NotFound(f"no object {identifier[:80]!r} in quarantine")
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


def _key(incoming: IncomingFile, error: StorageError, announced: tuple[str, str, str]) -> str:
    told = "\0".join([reason_of(error).value, *announced]).encode("utf-8", "replace")
    return hashlib.sha256(incoming.dataset_sha256 + told).hexdigest()[:24]


def _printable(facts: dict[str, str | int]) -> dict[str, str | int]:
    """A file name that is no UTF-8 comes as lone surrogates, which neither a file nor a page can hold."""
    return {k: v.encode("utf-8", "backslashreplace").decode() if isinstance(v, str) else v for k, v in facts.items()}


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
