"""After a stop of any kind: what was left half done is swept, and the index learns of every file that it missed.

An index commit is not synced (`index`), and a process may be killed between placing a file and indexing it. So at a
start the files placed since a mark are compared with the index. The mark is moved forward while the archive runs, after
a checkpoint has put the index on stable storage; what is older than the mark is known to be in it. Moving or creating a
file touches its folder, so only folders touched since the mark are listed: at a million objects that is seconds.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from storage import meta
from storage.archive import Archive
from storage.batch import Entry
from storage.errors import DuplicateConflict, InvalidObject, NotFound, StorageError
from storage.files import IncomingFile
from storage.header import read_header
from storage.incoming import fingerprint
from storage.model import Source
from storage.rows import relative_path

_log = logging.getLogger("filmless.archive")
_MARK = "indexed until"
# Longer than any object takes from being placed to being indexed, by far.
MARGIN_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a start found."""

    swept: int
    """Half received objects, never acknowledged, removed."""
    indexed: int
    """Whole files that the index did not know."""
    quarantined: int
    """Files that could not be indexed, moved to quarantine."""
    missing: tuple[str, ...]
    """SOP Instance UIDs of recent rows whose file is gone."""


def recover(archive: Archive) -> Recovered:
    """Bring files and index together after a start; only one process may do so at a time.

    Raises:
        StorageError: the disk refuses.
    """
    began = time.time()
    since = float(archive.index.mark(_MARK) or 0.0) - MARGIN_SECONDS
    swept = archive.files.sweep_incoming()
    indexed = quarantined = 0
    for path in _files_since(archive.data / "archive", since):
        if _is_indexed(archive, path):
            continue
        kept = adopt(archive, path)
        indexed += kept
        quarantined += not kept
    missing = tuple(_missing(archive, since))
    for uid in missing:
        _log.error("the file of %s is gone; `filmless verify` lists all such objects", uid)
    archive.index.checkpoint()
    archive.index.set_mark(_MARK, repr(began))
    return Recovered(swept, indexed, quarantined, missing)


def advance_mark(archive: Archive) -> None:
    """Put the index on stable storage and note that all objects indexed until now are in it."""
    began = time.time()
    archive.index.checkpoint()
    archive.index.set_mark(_MARK, repr(began))


def _files_since(root: Path, since: float) -> Iterator[Path]:
    """Find files placed after `since` (seconds since the epoch): day folders by name, the rest by modification time."""
    first_day = datetime.fromtimestamp(max(since, 0.0)).strftime("%Y/%m/%d")
    for day in sorted(root.glob("*/*/*")):
        if "/".join(day.parts[-3:]) < first_day:
            continue
        for series in day.glob("*/*"):
            if series.stat().st_mtime >= since:
                yield from (Path(e.path) for e in os.scandir(series) if e.stat().st_ctime >= since)


def _is_indexed(archive: Archive, path: Path) -> bool:
    try:
        return archive.index.instance(path.stem, archive.data).path == path
    except NotFound:
        return False


def entry_of(path: Path) -> Entry:
    """Read from a stored file what the index holds of it; its hash is taken from the meta group, not made anew.

    Raises:
        InvalidObject, UnsafeUID: the file is not what was once placed.
        WriteFailed: it cannot be read.
    """
    with path.open("rb") as f:
        facts = os.fstat(f.fileno())
        m = meta.read(f.fileno(), facts.st_size)
        header = read_header(f.fileno(), m.data_set_offset, facts.st_size, m.transfer_syntax_uid)
    return Entry(
        header=header,
        transfer_syntax_uid=m.transfer_syntax_uid,
        received_on="/".join(path.parts[-6:-3]),
        received_at=datetime.fromtimestamp(facts.st_mtime, UTC).isoformat(timespec="milliseconds"),
        size=facts.st_size,
        dataset_offset=m.data_set_offset,
        dataset_sha256=m.dataset_sha256 or fingerprint(path)[2],
    )


def adopt(archive: Archive, path: Path) -> bool:
    """Index a file that stands in the archive unknown; False when it had to go to quarantine instead."""
    try:
        entry = entry_of(path)
        _check_place(path, entry)
        if fingerprint(path)[2] != entry.dataset_sha256:
            raise InvalidObject("the bytes are not those that were received: the recorded hash differs")
        if not archive.index.add(entry):
            _settle_twin(archive, path, entry)
    except (InvalidObject, DuplicateConflict) as e:
        _log.error("%s: %s; moved to quarantine", path.name, e)
        _to_quarantine(archive, path, e)
        return False
    return True


def _check_place(path: Path, entry: Entry) -> None:
    uids = (entry.header.text(c) for c in ("study_instance_uid", "series_instance_uid", "sop_instance_uid"))
    expected = relative_path(entry.received_on, *uids)
    if path.parts[-7:] != expected.parts:
        raise InvalidObject(f"the file stands at the place of another object; its own is {expected}")


def _settle_twin(archive: Archive, path: Path, entry: Entry) -> None:
    """The same SOP Instance UID is indexed elsewhere: a copy is removed, other content conflicts."""
    first = archive.index.instance(entry.header.text("sop_instance_uid"), archive.data)
    if first.path == path:
        return
    if first.dataset_sha256 != entry.dataset_sha256:
        raise DuplicateConflict(f"SOP Instance UID {first.sop_instance_uid} is stored with other content")
    path.unlink()


def _to_quarantine(archive: Archive, path: Path, error: StorageError) -> None:
    with IncomingFile.adopt(path) as incoming:
        archive.quarantine.keep(incoming, error, Source(address="recovery"), ("", path.stem, ""))


def _missing(archive: Archive, since: float) -> Iterator[str]:
    first_day = datetime.fromtimestamp(max(since, 0.0)).strftime("%Y/%m/%d")
    for instance in archive.index.received_since(first_day, archive.data):
        if not instance.path.exists():
            yield instance.sop_instance_uid
