"""After a stop of any kind: what was left half done is swept, and the index learns of every file that it missed.

An index commit is not synced (`index`), and a process may be killed between placing a file and indexing it. So at a
start the files placed since a mark are compared with the index. The mark is moved forward while the archive runs, after
a checkpoint has put the index on stable storage; what is older than the mark is known to be in it. Moving or creating a
file touches its folder, so only folders touched since the mark are listed: at a million objects that is seconds.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

from storage import walk
from storage.archive import Archive
from storage.batch import Entry
from storage.entries import entry_of
from storage.errors import (
    DuplicateConflict,
    IndexFailed,
    InvalidObject,
    NotFound,
    OutOfSpace,
    Rejected,
    StorageError,
    WriteFailed,
)
from storage.files import IncomingFile
from storage.incoming import fingerprint
from storage.index import Index
from storage.model import Source
from storage.rejection import settle

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
    """Bring files and index together after a stop of any kind; others may go on storing meanwhile.

    Raises:
        StorageError: the disk refuses.
    """
    began = time.time()
    since = _looked_at_until(archive, began)
    swept = archive.files.sweep_incoming()
    outcomes = [adopt(archive, path) for path in _unknown_since(archive, since)]
    settle(archive.data, archive.index)
    missing = tuple(_missing(archive, since))
    for uid in missing:
        _log.error("the file of %s is gone; `filmless verify` lists all such objects", uid)
    if _Adopted.UNREADABLE not in outcomes and archive.index.checkpoint():
        archive.index.set_mark(_MARK, repr(began))
    return Recovered(swept, outcomes.count(_Adopted.INDEXED), outcomes.count(_Adopted.QUARANTINED), missing)


def advance_mark(archive: Archive) -> bool:
    """Put the index on stable storage and note that all objects indexed until now are in it.

    False, and a word in the log, where that cannot be done: then the next start looks further back, no more.
    """
    began = time.time()
    try:
        if not archive.index.checkpoint():
            return False
        archive.index.set_mark(_MARK, repr(began))
    except StorageError as e:
        _log.warning("%s; the next start will look further back", e)
        return False
    return True


def start_mark(index: Index) -> None:
    """Note in an index that was made anew from all files that it needs no second look at them."""
    index.set_mark(_MARK, repr(time.time()))


def _looked_at_until(archive: Archive, now: float) -> float:
    mark = float(archive.index.mark(_MARK) or 0.0)
    # A mark from the future means that the clock was set back: no time of any file can be compared with it.
    return mark - MARGIN_SECONDS if mark <= now else 0.0


def _first_day(since: float) -> str:
    """Return a day's folder that is early enough: folders are named by local time, whose zone may have changed."""
    return datetime.fromtimestamp(max(since - 86400.0, 0.0)).strftime("%Y/%m/%d")


def _unknown_since(archive: Archive, since: float) -> Iterator[Path]:
    """Find files placed after `since` (seconds since the epoch) that the index does not know as they are."""
    for day in walk.days(archive.data, _first_day(since)):
        for series in walk.series_of(day):
            if series.stat().st_mtime >= since:
                for path, facts in walk.files_of(series):
                    if facts.st_ctime >= since and not _is_indexed(archive, path, facts.st_size):
                        yield path


def _is_indexed(archive: Archive, path: Path, size: int) -> bool:
    try:
        known = archive.index.instance(path.stem, archive.data)
    except Rejected:
        return True
    except NotFound:
        return False
    return known.path == path and known.size == size


class _Adopted(Enum):
    INDEXED = "indexed"
    QUARANTINED = "moved to quarantine"
    GONE = "gone, or known meanwhile"
    UNREADABLE = "left where it is: the disk refuses to read it"


def adopt(archive: Archive, path: Path) -> _Adopted:
    """Index a file that stands in the archive unknown; what cannot be indexed goes to quarantine.

    A file that the disk refuses to read stays, with a word in the log: one bad sector must not keep an archive down.
    """
    with archive.files.hold(path) as there:
        if not there or _is_indexed(archive, path, path.stat().st_size):
            return _Adopted.GONE
        try:
            return _index(archive, path)
        except (InvalidObject, DuplicateConflict) as e:
            _log.error("%s: %s; moved to quarantine", path.name, e)
            _to_quarantine(archive, path, e)
            return _Adopted.QUARANTINED
        except (OutOfSpace, IndexFailed):
            raise
        except WriteFailed as e:
            _log.error("%s: %s", path, e)
            return _Adopted.UNREADABLE


def _index(archive: Archive, path: Path) -> _Adopted:
    entry = entry_of(path)
    if fingerprint(path)[2] != entry.dataset_sha256:
        raise InvalidObject("the bytes are not those that were received: the recorded hash differs")
    if archive.index.add(entry):
        return _Adopted.INDEXED
    return _settle_twin(archive, path, entry)


def _settle_twin(archive: Archive, path: Path, entry: Entry) -> _Adopted:
    """The same SOP Instance UID is indexed: of two copies one stays, other content conflicts."""
    first = archive.index.instance(entry.header.text("sop_instance_uid"), archive.data)
    if first.dataset_sha256 != entry.dataset_sha256:
        raise DuplicateConflict(f"SOP Instance UID {first.sop_instance_uid} is stored with other content")
    if first.path != path and first.path.exists():
        path.unlink()
        return _Adopted.GONE
    archive.index.relocate(entry)
    return _Adopted.INDEXED


def _to_quarantine(archive: Archive, path: Path, error: StorageError) -> None:
    with IncomingFile.adopt(path) as incoming:
        archive.quarantine.keep(incoming, error, Source(address="recovery"), ("", path.stem, ""))


def _missing(archive: Archive, since: float) -> Iterator[str]:
    for instance in archive.index.received_since(_first_day(since), archive.data):
        if not instance.path.exists():
            yield instance.sop_instance_uid
