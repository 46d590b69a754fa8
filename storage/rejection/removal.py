"""Removing for good what was rejected long enough ago."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path

from storage.errors import IndexFailed, NotFound, WriteFailed
from storage.files import disk_errors
from storage.index import Index
from storage.rejection.folders import Folders
from storage.rejection.model import Rejection, Told

_log = logging.getLogger("filmless.archive")


def remove_older_than(data: Path, folders: Folders, index: Index, moment: datetime, told: Told) -> list[Rejection]:
    """Remove the files, the folder and the rows of what was rejected before `moment`; return what it was.

    Raises:
        WriteFailed: some could not be removed; the others are, and the next call goes on with it.
    """
    before = f"{moment.astimezone(UTC):%Y%m%dT%H%M%S%f}Z"
    removed: list[Rejection] = []
    failed: WriteFailed | None = None
    for name in sorted(name for name in folders.names() if name < before):
        try:
            removed.append(_remove(data, folders, index, name))
        except NotFound as e:
            _log.error("%s can be read; it stays", e)
        except IndexFailed:
            raise
        except WriteFailed as e:
            _log.error("%s is not removed: %s", name, e)
            failed = e
        else:
            told(removed[-1])
    if failed is not None:
        raise failed
    return removed


def _remove(data: Path, folders: Folders, index: Index, identifier: str) -> Rejection:
    with folders.one_at_a_time():
        rejection = folders.get(identifier)
        paths = _doomed(data, folders, index, identifier)
        folders.begin_removal(identifier)
        with disk_errors(f"cannot remove rejected objects of {identifier}"):
            for path in paths:
                path.unlink(missing_ok=True)
            for parent in sorted({p.parent for p in paths}):
                _remove_empty(parent, data / "archive")
        # The folder first: one that stood on without its rows would hide the same objects once they are sent again.
        folders.end(identifier)
        index.forget(identifier)
        folders.drop(identifier)
    _log.info("removed %d objects that %s had rejected at %s", len(paths), rejection.by, rejection.at)
    return rejection


def _doomed(data: Path, folders: Folders, index: Index, identifier: str) -> list[Path]:
    """Return the files that go with a rejection: what it hides, and what it names and no index knows any more.

    What it names may be in use again, or be hidden by another one, after an index was damaged or changed by hand.
    """
    hidden = [data / place for place in index.hidden_under(identifier)]
    named = folders.named(identifier) or {}
    return [*hidden, *(data / place for uid, place in named.items() if not index.has(uid))]


def _remove_empty(folder: Path, until: Path) -> None:
    """Remove the folders of a series and study that nothing is in any more; a day's folder stays."""
    for _ in range(2):
        try:
            folder.rmdir()
        except OSError:
            return  # something is in it, or arrives just now
        folder = folder.parent
        if folder == until:
            return
