"""Folders and index brought together: after a stop at any step, and in an index made anew from the files."""

from __future__ import annotations

import logging
from pathlib import Path

from storage.batch import Entry
from storage.entries import entry_of
from storage.errors import IndexFailed, InvalidObject, WriteFailed
from storage.index import Index
from storage.rejection.folders import Folders

_log = logging.getLogger("filmless.archive")


def settle(data: Path, index: Index) -> None:
    """Make the index hide exactly what the folders say.

    Raises:
        OutOfSpace, WriteFailed: the index cannot be written.
    """
    folders = Folders(data)
    with folders.one_at_a_time():
        settle_alone(data, folders, index)


def settle_alone(data: Path, folders: Folders, index: Index) -> None:
    """Settle, where `one_at_a_time` holds already."""
    there, hidden = folders.names(), index.hidden()
    for identifier in sorted(there - hidden):
        named = folders.named(identifier)
        if named is None:
            _log.error("rejected/%s cannot be read: what it names is in use again", identifier)
        else:
            index.hide(identifier, named)
    for identifier in sorted(hidden - there):
        _unhide(data, folders, index, identifier)
    if there or hidden:
        folders.sweep()


def _unhide(data: Path, folders: Folders, index: Index, identifier: str) -> None:
    """Finish what was cut between the end of a folder and the word of it to the index."""
    if folders.was_removed(identifier):
        index.forget(identifier)
        return
    try:
        entries = entries_of(data, index, identifier)
    except IndexFailed:
        raise
    except WriteFailed as e:
        _log.error("%s is not restored yet: %s; the next start tries again", identifier, e)
        return
    index.unhide(identifier, entries)


def entries_of(data: Path, index: Index, identifier: str) -> list[Entry]:
    """Read what the index held of all objects that a rejection hides; those that are gone or damaged are told.

    Raises:
        WriteFailed: the disk does not let one be read; to go on would take it out of the index.
    """
    entries: list[Entry] = []
    for place in index.hidden_under(identifier):
        path = data / place
        try:
            entries.append(entry_of(path))
        except (InvalidObject, WriteFailed) as e:
            if isinstance(e, WriteFailed) and not isinstance(e.__cause__, FileNotFoundError):
                raise
            _log.error("%s cannot be restored: %s", path.name, e)
    return entries
