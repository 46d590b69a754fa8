"""Files and index compared both ways, hash by hash; and the index made anew from the files."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from pathlib import Path

from storage import walk
from storage.archive import INDEX_NAME, Archive
from storage.batch import Entry
from storage.entries import entry_of
from storage.errors import IndexFailed, NotFound, Rejected, StorageError
from storage.files import disk_errors, sync_folder
from storage.incoming import fingerprint
from storage.index import Index
from storage.model import Instance
from storage.recovery import start_mark
from storage.rejection import settle

_POSITION = "verified up to"
_PIECE = 500
_ON_THE_WAY_SECONDS = 1.0
_COPY = "another file of the same SOP Instance UID is indexed"


class Fault(Enum):
    """What can be wrong between files and index."""

    MISSING = "the index has it, the file is gone"
    CHANGED = "the file's content is not what was received"
    UNREADABLE = "the file cannot be read"
    UNKNOWN = "the file is there, the index does not have it"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault and where it is."""

    fault: Fault
    sop_instance_uid: str
    path: Path


@dataclass(frozen=True, slots=True)
class Step:
    """Progress: so many of so many looked at, and what was found on the way."""

    done: int
    total: int
    findings: tuple[Finding, ...]


def verify(archive: Archive, *, resume: bool = True) -> Iterator[Step]:
    """Compare every row with its file by hash, then every file with the index; yield after each piece.

    An interrupted run goes on where it stopped, unless `resume` is False. Nothing is changed but the mark.
    """
    total = archive.index.totals()[2]
    after = int(archive.index.mark(_POSITION) or 0) if resume else 0
    done = archive.index.rows_up_to(after)
    while piece := archive.index.walk(after, _PIECE, archive.data):
        findings = tuple(f for _, instance in piece if (f := _check(instance)))
        after = piece[-1][0]
        done += len(piece)
        archive.index.set_mark(_POSITION, str(after))
        yield Step(done, total, findings)
    yield from _unknown_files(archive, done, total)
    archive.index.set_mark(_POSITION, "0")


def _check(instance: Instance) -> Finding | None:
    try:
        _, _, digest = fingerprint(instance.path)
    except StorageError:
        fault = Fault.UNREADABLE if instance.path.exists() else Fault.MISSING
        return Finding(fault, instance.sop_instance_uid, instance.path)
    if digest != instance.dataset_sha256:
        return Finding(Fault.CHANGED, instance.sop_instance_uid, instance.path)
    return None


def _unknown_files(archive: Archive, done: int, total: int) -> Iterator[Step]:
    young = []
    files = walk.stored_files(archive.data)
    while piece := list(islice(files, _PIECE)):
        unknown = [path for path in piece if not _is_known(archive, path)]
        young += [path for path in unknown if _age(path) < _ON_THE_WAY_SECONDS]
        yield Step(done, total, _unknown(path for path in unknown if path not in young))
    if young:
        # A file that was just placed is indexed in a moment; what is still unknown then is a finding.
        time.sleep(_ON_THE_WAY_SECONDS)
        yield Step(done, total, _unknown(path for path in young if path.exists() and not _is_known(archive, path)))


def _unknown(paths: Iterable[Path]) -> tuple[Finding, ...]:
    return tuple(Finding(Fault.UNKNOWN, path.stem, path) for path in paths)


def _is_known(archive: Archive, path: Path) -> bool:
    try:
        return archive.instance(path.stem).path == path
    except Rejected:
        return True
    except NotFound:
        return False


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_ctime
    except FileNotFoundError:
        return 0.0


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Progress of a rebuild: objects indexed, and files that could not be or are a second copy, with the reason."""

    indexed: int
    failed: tuple[tuple[Path, str], ...]


def reindex(data: Path) -> Iterator[Rebuilt]:
    """Build a new index from the files and put it in the place of the old one at the end; yield after each piece.

    Nobody else may have the archive open. The old index is used until the new one is whole.

    Raises:
        StorageError: the new index cannot be written; the old one stays.
    """
    fresh = data / f"{INDEX_NAME}.new"
    _remove(fresh)
    index = Index(fresh)
    indexed = 0
    failed: list[tuple[Path, str]] = []
    try:
        start_mark(index)
        files = walk.stored_files(data)
        while piece := list(islice(files, _PIECE)):
            readable = list(_readable(piece, failed))
            outcome = index.add_many(entry for _, entry in readable)
            failed += [(path, _COPY) for (path, _), is_new in zip(readable, outcome, strict=True) if not is_new]
            indexed += sum(outcome)
            yield Rebuilt(indexed, tuple(failed))
        settle(data, index)
        if not index.checkpoint():
            raise IndexFailed("the new index cannot be synced: somebody else has it open")
    finally:
        index.close()
    # The old index goes first: after a stop between these lines there is none, and the next start reads all files.
    _remove(data / INDEX_NAME)
    with disk_errors("cannot put the new index in its place"):
        fresh.rename(data / INDEX_NAME)
        sync_folder(data)
    yield Rebuilt(indexed, tuple(failed))


def _readable(paths: list[Path], failed: list[tuple[Path, str]]) -> Iterator[tuple[Path, Entry]]:
    for path in paths:
        try:
            yield path, entry_of(path)
        except StorageError as e:
            failed.append((path, str(e)))


def _remove(database: Path) -> None:
    with disk_errors("cannot remove the old index"):
        for suffix in ("", "-wal", "-shm"):
            database.with_name(database.name + suffix).unlink(missing_ok=True)
