"""Retrieve Thumbnail (PS3.18 10.4.1.1.7): a small picture that stands for a study, series, instance or frame."""

from __future__ import annotations

from flask import Blueprint, Response, request

from viewer.answer_memo import KEY_MAX, Answer
from viewer.auth import address, signed_in
from viewer.dicomweb.errors import PREFIX, Refused
from viewer.dicomweb.negotiation import negotiate
from viewer.dicomweb.resources import find_instance
from viewer.dicomweb.wado import parameters as parameters_of
from viewer.dicomweb.wado import subjects
from viewer.dicomweb.wado.parameters import Parameters, Region, Viewport
from viewer.dicomweb.wado.picture import drawn
from viewer.dicomweb.wado.rendered import PICTURES
from viewer.dicomweb.wado.subjects import Subject
from viewer.etags import etag_of, is_known, kept
from viewer.permissions import Permission, needs
from viewer.services import archive, services

SIDE = 144
QUALITY = 80

bp = Blueprint("wado_thumbnails", __name__, url_prefix=PREFIX)


@bp.get("/studies/<study>/thumbnail")
@needs(Permission.VIEW_STUDIES)
def of_study(study: str) -> Response:
    """Return a thumbnail of a study."""
    return _answer(study, subjects.of_study(study))


@bp.get("/studies/<study>/series/<series>/thumbnail")
@needs(Permission.VIEW_STUDIES)
def of_series(study: str, series: str) -> Response:
    """Return a thumbnail of a series."""
    return _answer(study, subjects.of_series(study, series))


@bp.get("/studies/<study>/series/<series>/instances/<instance>/thumbnail")
@needs(Permission.VIEW_STUDIES)
def of_instance(study: str, series: str, instance: str) -> Response:
    """Return a thumbnail of an instance."""
    return _answer(study, subjects.of_instance(find_instance(study, series, instance)))


@bp.get("/studies/<study>/series/<series>/instances/<instance>/frames/<listed>/thumbnail")
@needs(Permission.VIEW_STUDIES)
def of_frames(study: str, series: str, instance: str, listed: str) -> Response:
    """Return a thumbnail of a frame."""
    return _answer(study, subjects.of_frames(study, series, instance, listed))


def _answer(study: str, subject: Subject) -> Response:
    asked, chosen = _parameters(), negotiate(PICTURES)
    revision = archive().study(study).revision
    services().looks.looked(signed_in(), study, address())
    instance, index = subject.one
    etag = etag_of("thumbnail", instance.dataset_sha256, index, asked, chosen)
    if is_known(etag):
        return _kept(Response(status=304), etag)

    def make() -> bytes:
        return drawn(services().frames.prepared_once(instance, index), asked, chosen.essence)

    response = _kept(Response(services().thumbnails.get(etag, make), mimetype=chosen.essence), etag)
    _remember(response, study, revision, etag)
    return response


def _parameters() -> Parameters:
    """Of a thumbnail, only its size may be asked for."""
    viewport = request.args.get("viewport")
    try:
        asked = parameters_of.read({} if viewport is None else {"viewport": viewport})
    except ValueError as error:
        raise Refused(400, str(error)) from None
    if asked.viewport is not None and asked.viewport.region != Region():
        # PS3.18 8.3.5.1.3
        raise Refused(400, "The viewport of a thumbnail is a width and a height; take a region of what is rendered.")
    return Parameters(viewport=asked.viewport or Viewport(SIDE, SIDE), quality=QUALITY)


def _remember(response: Response, study: str, revision: int, etag: str) -> None:
    key = (request.path, request.query_string.decode("latin-1"), request.headers.get("Accept", ""))
    if sum(map(len, key)) > KEY_MAX:
        return
    names = ("Content-Type", "ETag", "Cache-Control", "Vary")
    headers = tuple((name.lower(), response.headers[name]) for name in names)
    body = response.get_data()
    services().memo.put(key, Answer(study, revision, etag, headers, body, request.endpoint or ""))


def _kept(response: Response, etag: str) -> Response:
    response.vary.add("Accept")
    return kept(response, etag)
