"""The store transaction: `POST /dicom-web/studies` and `POST /dicom-web/studies/{study}` (PS3.18 10.5).

What is promised is what C-STORE promises: an instance named as stored is on stable storage and in the index.

A request that is malformed or breaks off is answered with a 4xx (PS3.18 table 10.5.3-1 knows no other answer to it),
but each instance is an object of its own: those that were whole before stay stored, and the answer says how many.
Sending everything again changes nothing for them, as the same bytes are the same instance.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence

from flask import Blueprint, Response, request

from storage.model import Source, Stored
from storage.printable import printable_ascii
from storage.uid import checked
from viewer.auth import address, signed_in
from viewer.dicomweb import compression, errors
from viewer.dicomweb.errors import PREFIX, Refused
from viewer.dicomweb.media_types import DICOM_JSON, JSON, MediaType, MediaTypeError, parse, related
from viewer.dicomweb.metadata import base_address
from viewer.dicomweb.multipart_reader import MultipartError, MultipartReader, Part, TooManyParts
from viewer.dicomweb.negotiation import content_type, negotiate
from viewer.dicomweb.reject import obey
from viewer.dicomweb.stow import native_xml
from viewer.dicomweb.stow.body import Body
from viewer.dicomweb.stow.intake import Intake
from viewer.dicomweb.stow.metadata import METADATA_TYPES, MetadataIntake
from viewer.dicomweb.stow.outcomes import Failed, FailureReason, Outcome, response, status_of
from viewer.permissions import Permission, needs
from viewer.services import archive, services
from viewer.uploads import note_stored

bp = Blueprint("stow", __name__, url_prefix=PREFIX)

DICOM = "application/dicom"
DICOM_XML = MediaType("application", "dicom+xml")
_TAKEN = tuple(related(name) for name in (DICOM, *METADATA_TYPES))
_RELATED = MediaType("multipart", "related")
_SINGLE = MediaType("application", "dicom")
_OFFERED = (DICOM_JSON, DICOM_XML, JSON)
_WARNINGS_MAX = 10


@bp.post("/studies")
@bp.post("/studies/<study>")
@needs(Permission.STORE_OBJECTS)
def store(study: str = "") -> Response:
    """Store the instances of the body; with `study`, those that belong to it."""
    if study:
        checked("StudyInstanceUID", study)
    body_type = _body_type()
    answer_type = negotiate(_OFFERED)
    settings = services().settings
    if (request.content_length or 0) > settings.store_max_bytes:
        raise Refused(413, f"The request has more than {settings.store_max_bytes} bytes; send it in several requests.")
    body = Body(request.environ["wsgi.input"], settings.store_max_bytes)
    source = Source(address=f"{signed_in().name} at {address()}")
    with Intake(archive(), services().keepers, source, study) as intake:
        try:
            _take(body, body_type, intake, settings.store_max_parts)
        except TooManyParts as e:
            raise Refused(413, _kept_before(str(e), intake)) from e
        except MultipartError as e:
            raise Refused(400, _kept_before(str(e), intake)) from e
        except Refused as e:
            raise Refused(e.code or 400, _kept_before(e.description or "", intake)) from e
        finally:
            # What is stored stays stored, however the request ends.
            outcomes = intake.finish()
            _note(outcomes, study)
    if not outcomes:
        raise Refused(400, "The request has no instances.")
    obey(one for one in outcomes if isinstance(one, Stored))
    return _answer(outcomes, answer_type)


def _note(outcomes: Sequence[Outcome], study: str) -> None:
    if outcomes:
        studies = {one.study_instance_uid for one in outcomes if isinstance(one, Stored)}
        note_stored(_stored(outcomes), len(outcomes), "STOW-RS", studies.pop() if len(studies) == 1 else study)


def _body_type() -> MediaType:
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        # A few bytes could be any number; objects hardly shrink, as those that could are compressed already.
        raise Refused(415, "A body with Content-Encoding cannot be read; send it as it is.")
    try:
        found = parse(request.headers.get("Content-Type", ""))
    except MediaTypeError:
        raise errors.unsupported_media_type((*_TAKEN, _SINGLE)) from None
    if found.essence == DICOM:
        return found
    if found.essence == "multipart/related" and found.parameter("type") is None:
        return found  # told by the first part
    return content_type((*_TAKEN, _SINGLE))


def _take(body: Body, body_type: MediaType, intake: Intake, parts_max: int) -> None:
    if body_type.essence == DICOM:
        # One instance as it is: no form of the standard, but it says all there is to know.
        intake.take_file(memoryview(piece) for piece in iter(lambda: body.read(1 << 18), b""))
        return
    parts = MultipartReader(body.read, body_type.parameter("boundary") or "", parts_max).parts()
    first = next(parts, None)
    if first is None:
        raise MultipartError("The body has no parts.")
    kind = body_type.parameter("type") or _type_of(first).essence
    rest = itertools.chain((first,), parts)
    if kind == DICOM:
        _take_files(rest, intake)
    elif kind in METADATA_TYPES:
        with MetadataIntake(intake, archive(), intake_study(), kind) as metadata:
            metadata.take(rest)
    else:
        raise errors.unsupported_media_type((*_TAKEN, _SINGLE))


def intake_study() -> str:
    """Return the study of the address, empty for none."""
    return str((request.view_args or {}).get("study", ""))


def _take_files(parts: Iterator[Part], intake: Intake) -> None:
    for part in parts:
        kind = _type_of(part)
        if kind.essence != DICOM:
            intake.note(Failed(FailureReason.CANNOT_UNDERSTAND, f"a part is {kind.essence}, not {DICOM}"))
        elif part.headers.get("content-transfer-encoding", "binary").lower() not in ("binary", "8bit"):
            intake.note(Failed(FailureReason.CANNOT_UNDERSTAND, "a part has a Content-Transfer-Encoding"))
        else:
            intake.take_file(part.content)


def _type_of(part: Part) -> MediaType:
    if "content-type" not in part.headers:
        raise MultipartError("A part has no Content-Type.")
    try:
        return parse(part.headers["content-type"])
    except MediaTypeError as e:
        raise MultipartError(f"The Content-Type of a part cannot be read: {e}.") from None


def _kept_before(sentence: str, intake: Intake) -> str:
    intake.finish()
    if not intake.stored:
        return sentence
    return f"{sentence} {intake.stored} instances that came whole before are stored; to send them again does no harm."


def _answer(outcomes: Sequence[Outcome], answer_type: MediaType) -> Response:
    ds = response(outcomes, f"{base_address()}/studies")
    attributes = ds.to_json_dict()
    text = native_xml.encode(attributes) if answer_type == DICOM_XML else json.dumps(attributes).encode()
    answer = Response(text, status_of(outcomes), content_type=str(answer_type))
    sentences = dict.fromkeys(one.sentence for one in outcomes if isinstance(one, Failed))
    for sentence in list(sentences)[:_WARNINGS_MAX]:
        # RFC 7234 5.5: the response's data set has a number for each failure, and no room for words.
        answer.headers.add("Warning", f'299 Filmless "{_quotable(sentence)}"')
    compression.compress_if_worth(answer)
    return answer


def _stored(outcomes: Sequence[Outcome]) -> int:
    return sum(isinstance(one, Stored) for one in outcomes)


def _quotable(sentence: str) -> str:
    return printable_ascii(sentence.replace('"', "'"), most=500)
