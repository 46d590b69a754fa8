"""A small picture of a series: its middle image, or a drawn placeholder where there is none."""

from __future__ import annotations

from flask import Blueprint, Response, render_template

from storage.errors import PixelError
from storage.model import Series
from viewer.dicomweb.resources import find_series
from viewer.etags import etag_of, is_known, kept
from viewer.permissions import Permission, needs
from viewer.rendering import thumbnail
from viewer.services import services
from viewer.stacks import Stack

SIDE = 144

bp = Blueprint("thumbnail", __name__)


@bp.get("/study/<study>/series/<series>/thumbnail")
@needs(Permission.VIEW_STUDIES)
def show(study: str, series: str) -> Response:
    """Return a JPEG of at most `SIDE` pixels, or an SVG placeholder with the modality's letters."""
    found = find_series(study, series)
    stack = services().stacks.of(found)
    if not stack.total:
        return _placeholder(found, "document")
    instance, index = stack.at(stack.total // 2)
    etag = etag_of("thumbnail", SIDE, instance.dataset_sha256, index)
    if is_known(etag):
        return kept(Response(status=304), etag)
    try:
        return kept(_picture(stack, etag), etag)
    except PixelError:
        return _placeholder(found, "broken")


def _picture(stack: Stack, etag: str) -> Response:
    instance, index = stack.at(stack.total // 2)

    def make() -> bytes:
        return thumbnail(services().frames.prepared_once(instance, index), SIDE).data

    return Response(services().thumbnails.get(etag, make), mimetype="image/jpeg")


def _placeholder(series: Series, kind: str) -> Response:
    svg = render_template("placeholder.svg", letters=series.modality[:4], kind=kind)
    response = Response(svg, mimetype="image/svg+xml")
    return kept(response, etag_of("placeholder", kind, series.modality))
