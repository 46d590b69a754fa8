"""Bringing files in through a browser: DICOM files, folders of them, zip files; with words on each that is refused."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import NamedTemporaryFile

from flask import Blueprint, Response, jsonify, render_template, request

from storage.importing import Imported, ImportResult, import_file
from storage.model import Outcome, Source, Stored
from viewer.auth import address, signed_in
from viewer.dicomweb.errors import Refused
from viewer.dicomweb.stow.body import Body
from viewer.dicomweb.stow.intake import Intake
from viewer.dicomweb.stow.outcomes import FailureReason
from viewer.dicomweb.stow.outcomes import Outcome as Taken
from viewer.permissions import Permission, needs
from viewer.services import archive, services
from viewer.uploads import UPLOAD, note_stored, write_aside

bp = Blueprint("upload", __name__)

_CHUNK = 1 << 18
_ZIP = b"PK\x03\x04"
_TOLD_MAX = 500
"""So many files that were not stored are told one by one; all are counted."""


@bp.get(UPLOAD)
@needs(Permission.STORE_OBJECTS)
def page() -> str:
    """Show where files are dropped."""
    return render_template("upload.html")


@bp.post(UPLOAD)
@needs(Permission.STORE_OBJECTS)
def take() -> Response:
    """Take in one file, the body of the request; `name` is what it is called at its sender's."""
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused(415, "A body with Content-Encoding cannot be read; send it as it is.")
    limit = services().settings.store_max_bytes
    if (request.content_length or 0) > limit:
        raise Refused(413, f"The file has more than {limit} bytes.")
    name = request.args.get("name", "")[:1024]
    body = Body(request.environ["wsgi.input"], limit)
    first = body.read(_CHUNK)
    chunks = itertools.chain((first,), iter(lambda: body.read(_CHUNK), b""))
    results = _take_zip(chunks, name) if first.startswith(_ZIP) else [_take_file(chunks, name)]
    counts: Counter[Imported] = Counter()
    try:
        told = _told(results, counts)
    finally:
        # What is stored stays stored, however the request ends.
        if counts:
            stored = counts[Imported.STORED] + counts[Imported.ALREADY_STORED]
            note_stored(stored, counts.total(), name[:200])
    return jsonify(counts={outcome.name.lower(): count for outcome, count in counts.items()}, refused=told)


def _take_file(chunks: Iterator[bytes], name: str) -> ImportResult:
    source = Source(address=f"{name} from {signed_in().name} at {address()}")
    with Intake(archive(), services().keepers, source, "") as intake:
        intake.take_file(memoryview(chunk) for chunk in chunks)
        (outcome,) = intake.finish()
    return ImportResult(name, *_outcome(outcome))


def _outcome(outcome: Taken) -> tuple[Imported, str]:
    if isinstance(outcome, Stored):
        return (Imported.STORED if outcome.outcome is Outcome.STORED else Imported.ALREADY_STORED), ""
    if not outcome.sop_instance_uid and outcome.reason is FailureReason.CANNOT_UNDERSTAND:
        return Imported.NOT_DICOM, outcome.sentence
    return Imported.FAILED, outcome.sentence


def _take_zip(chunks: Iterator[bytes], name: str) -> Iterator[ImportResult]:
    """A zip is read from its end, so it is on disk first; its members are streamed from there."""
    with NamedTemporaryFile(dir=archive().data / "cache", prefix="upload-", suffix=".zip") as spool:
        write_aside(chunks, spool, archive())
        spool.flush()
        for result in import_file(archive(), Path(spool.name)):
            member = result.name.removeprefix(spool.name).removeprefix("!")
            yield ImportResult(f"{name}: {member}" if member else name, result.outcome, result.detail)


def _told(results: Iterable[ImportResult], counts: Counter[Imported]) -> list[dict[str, str]]:
    """Take files in one after the other, and count them; return what is told of those that were not stored."""
    told: list[dict[str, str]] = []
    for result in results:
        counts[result.outcome] += 1
        if result.outcome not in (Imported.STORED, Imported.ALREADY_STORED) and len(told) < _TOLD_MAX:
            told.append({"name": result.name, "outcome": result.outcome.name.lower(), "detail": result.detail})
    return told
