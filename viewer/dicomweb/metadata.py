"""Retrieve Metadata of a study, series or instance (PS3.18 10.4.1.1.2), as DICOM JSON or XML."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from flask import Blueprint, Response, request

from storage.model import Instance, Series, Study
from viewer import auth
from viewer.dicomweb import compression, multipart, xml
from viewer.dicomweb.compression import Coding
from viewer.dicomweb.dicom_json import Encoder
from viewer.dicomweb.errors import PREFIX
from viewer.dicomweb.media_types import DICOM_JSON, JSON, XML, MediaType
from viewer.dicomweb.negotiation import negotiate
from viewer.dicomweb.prepared import (
    STREAMED_INSTANCES,
    has_large_head,
    instance_json,
    instance_key,
    series_key,
    study_key,
)
from viewer.dicomweb.resources import find_instance, find_instances, find_series, find_study
from viewer.etags import etag_of, is_known
from viewer.permissions import Permission, needs
from viewer.proxied import forwarded, scheme
from viewer.services import services
from viewer.streaming import Piece, StreamBody, read

_SAFE_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}\Z")
_OFFERED = (DICOM_JSON, JSON, XML)

bp = Blueprint("dicomweb_metadata", __name__, url_prefix=PREFIX)


@bp.get("/studies/<study>/metadata")
@needs(Permission.VIEW_STUDIES)
def of_study(study: str) -> Response:
    """Return the metadata of all instances of a study."""
    found = find_study(study)
    _note(study)
    return _answer(found, study_key(found, base_address()), found.number_of_instances)


@bp.get("/studies/<study>/series/<series>/metadata")
@needs(Permission.VIEW_STUDIES)
def of_series(study: str, series: str) -> Response:
    """Return the metadata of all instances of a series."""
    found = find_series(study, series)
    _note(study)
    return _answer(found, series_key(found, base_address()), found.number_of_instances)


@bp.get("/studies/<study>/series/<series>/instances/<instance>/metadata")
@needs(Permission.VIEW_STUDIES)
def of_instance(study: str, series: str, instance: str) -> Response:
    """Return the metadata of one instance."""
    found = find_instance(study, series, instance)
    _note(study)
    return _answer(found, instance_key(found, base_address()), 1)


def _note(study: str) -> None:
    services().looks.looked(auth.signed_in(), study, auth.address())


def base_address() -> str:
    """Return the address of `/dicom-web` as the caller knows it; only a path where its Host field is no host.

    What a proxy says it was asked for counts. Anyone may say so, but is told no more than his own words: answers are
    kept apart by this address, and no shared cache keeps them.
    """
    host = forwarded("X-Forwarded-Host") or request.host
    if _SAFE_HOST.match(host) is None:
        return PREFIX
    return f"{scheme()}://{host}{PREFIX}"


def _array(what: Study | Series | Instance) -> Iterator[Piece]:
    # What belongs to the request is looked at now: a stream is read after it.
    return _bracketed(_objects(what))


def _bracketed(objects: Iterator[Piece]) -> Iterator[Piece]:
    yield b"["
    yield from objects
    yield b"]"


def _objects(what: Study | Series | Instance) -> Iterator[Piece]:
    prepared, base = services().metadata, base_address()
    match what:
        case Study():
            return prepared.study(what, base)
        case Series():
            return prepared.series(what, base)
        case Instance():
            return iter((prepared.instance(what, base),))


def _answer(what: Study | Series | Instance, key: str, instances: int) -> Response:
    chosen = negotiate(_OFFERED)
    coding = None if chosen is XML else compression.accepted()
    etag = etag_of("metadata", key, chosen, coding.name if coding else "")
    if is_known(etag):
        response = Response(status=304)
    elif chosen is XML:
        response = _xml(what, key)
    elif coding is not None:
        response = _compressed(what, key, chosen, instances, coding)
    else:
        response = _plain(list(_array(what)) if instances <= STREAMED_INSTANCES else _array(what), chosen)
    response.set_etag(etag)
    # Asked for again each time: a scanner may just be sending more.
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.update(("Accept", "Accept-Encoding"))
    return response


def _plain(pieces: list[Piece] | Iterator[Piece], media_type: MediaType) -> Response:
    if isinstance(pieces, list):
        return Response(b"".join(map(read, pieces)), content_type=str(media_type))
    return Response(StreamBody(pieces), content_type=str(media_type), direct_passthrough=True)


def _compressed(
    what: Study | Series | Instance, key: str, media_type: MediaType, instances: int, coding: Coding
) -> Response:
    body, name, prepared = compression.compressed(_array(what), coding), f"{key}\0{coding.name}", services().metadata
    if isinstance(what, Instance) and not has_large_head(what):
        response = Response(b"".join(body), content_type=str(media_type))
    elif instances <= STREAMED_INSTANCES:
        response = Response(prepared.kept(name, lambda: b"".join(body)), content_type=str(media_type))
    else:
        response = _plain(prepared.while_kept(name, body), media_type)
    response.headers["Content-Encoding"] = coding.name
    return response


def _xml(what: Study | Series | Instance, key: str) -> Response:
    boundary = hashlib.sha256(key.encode()).hexdigest()[:32]
    instances = [what] if isinstance(what, Instance) else _instances(what)
    parts = _xml_parts(instances, boundary, base_address())
    content_type = multipart.content_type(XML, boundary)
    if len(instances) > STREAMED_INSTANCES:
        return Response(StreamBody(parts), content_type=content_type, direct_passthrough=True)
    return Response(b"".join(parts), content_type=content_type)


def _instances(what: Study | Series) -> list[Instance]:
    return find_instances(what.study_instance_uid, what.series_instance_uid if isinstance(what, Series) else None)


def _xml_parts(instances: list[Instance], boundary: str, base: str) -> Iterator[bytes]:
    encoder = Encoder()
    for instance in instances:
        yield multipart.part_head(boundary, "application/dicom+xml")
        yield xml.from_json(instance_json(encoder, instance, base))
    yield multipart.end(boundary)
