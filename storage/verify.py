"""Files and index compared both ways, hash by hash; and the index made anew from the files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from pathlib import Path

from storage.archive import INDEX_NAME, Archive
from storage.batch import Entry
from storage.errors import NotFound, StorageError
from storage.incoming import fingerprint
from storage.index import Index
from storage.model import Instance
from storage.recovery import entry_of

_POSITION = "verified up to"
_PIECE = 500


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
    for path in stored_files(archive.data):
        try:
            known = archive.instance(path.stem).path == path
        except NotFound:
            known = False
        if not known:
            yield Step(done, total, (Finding(Fault.UNKNOWN, path.stem, path),))


def stored_files(data: Path) -> Iterator[Path]:
    """Find every file in the archive's folders, in the order of days received."""
    for day in sorted((data / "archive").glob("*/*/*")):
        for series in sorted(day.glob("*/*")):
            with os.scandir(series) as entries:
                yield from sorted(Path(e.path) for e in entries)


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Progress of a rebuild: objects indexed, and files that could not be, each with its reason."""

    indexed: int
    failed: tuple[tuple[Path, str], ...]


def reindex(data: Path) -> Iterator[Rebuilt]:
    """Build a new index from the files and put it in the place of the old one at the end; yield after each piece.

    Nobody else may have the archive open. The old index is used until the new one is whole.
    """
    fresh = data / f"{INDEX_NAME}.new"
    for leftover in _with_companions(fresh):
        leftover.unlink(missing_ok=True)
    index = Index(fresh)
    indexed = 0
    failed: list[tuple[Path, str]] = []
    files = stored_files(data)
    while piece := list(islice(files, _PIECE)):
        indexed += index.add_many(_readable(piece, failed))
        yield Rebuilt(indexed, tuple(failed))
    index.checkpoint()
    index.close()
    for companion in _with_companions(data / INDEX_NAME)[1:]:
        companion.unlink(missing_ok=True)
    fresh.rename(data / INDEX_NAME)
    yield Rebuilt(indexed, tuple(failed))


def _readable(paths: list[Path], failed: list[tuple[Path, str]]) -> Iterator[Entry]:
    for path in paths:
        try:
            yield entry_of(path)
        except (StorageError, OSError) as e:
            failed.append((path, str(e)))


def _with_companions(path: Path) -> list[Path]:
    return [path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm"))]
