"""What the index holds of an object, read again from its stored file."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from storage import meta
from storage.batch import Entry
from storage.errors import InvalidObject
from storage.files import disk_errors
from storage.header import read_header
from storage.incoming import fingerprint
from storage.rows import relative_path


def entry_of(path: Path) -> Entry:
    """Read from a stored file what the index holds of it; its hash is taken from the meta group, not made anew.

    Raises:
        InvalidObject, UnsafeUID: the file is not what was once placed.
        WriteFailed: it cannot be read.
    """
    with disk_errors(f"cannot read {path.name}"), path.open("rb") as f:
        facts = os.fstat(f.fileno())
        m = meta.read(f.fileno(), facts.st_size)
        header = read_header(f.fileno(), m.data_set_offset, facts.st_size, m.transfer_syntax_uid)
    entry = Entry(
        header=header,
        transfer_syntax_uid=m.transfer_syntax_uid,
        received_on="/".join(path.parts[-6:-3]),
        received_at=datetime.fromtimestamp(facts.st_mtime, UTC).isoformat(timespec="milliseconds"),
        size=facts.st_size,
        dataset_offset=m.data_set_offset,
        dataset_sha256=m.dataset_sha256 or fingerprint(path)[2],
    )
    _check_place(path, entry)
    return entry


def _check_place(path: Path, entry: Entry) -> None:
    uids = (entry.header.text(c) for c in ("study_instance_uid", "series_instance_uid", "sop_instance_uid"))
    expected = relative_path(entry.received_on, *uids)
    if path.parts[-7:] != expected.parts:
        raise InvalidObject(f"the file stands at the place of another object; its own is {expected}")
