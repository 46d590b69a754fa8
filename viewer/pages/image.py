"""One frame as a picture, in any window; and the value under the pointer."""

from __future__ import annotations

from math import isfinite

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import BadRequest

from viewer.etags import etag_of, is_known, kept
from viewer.pages.found import find_instance
from viewer.permissions import Permission, needs
from viewer.rendering import Prepared, View, Window, probe, render_prepared
from viewer.rendering.render import choose_voi
from viewer.rendering.view import JPEG, LINEAR, PNG
from viewer.services import services

SIDE_MAX = 8192

bp = Blueprint("image", __name__, url_prefix="/study/<study>/instances/<instance>/frames/<int:frame>")


@bp.get("/image")
@needs(Permission.VIEW_STUDIES)
def show(study: str, instance: str, frame: int) -> Response:
    """Render a frame (from 1): `center`, `width`, `function`, `invert`, `overlays`, `side`, `format`, `quality`.

    `colours` names a colour map for a grey frame. Without a window, the object's own. The window in effect is in
    `X-Window` as `center,width,function`, `none` for colour, `table` where the object brings a table.
    """
    found = find_instance(study, instance)
    view = _view()
    etag = etag_of(found.dataset_sha256, frame, view)
    if is_known(etag):
        return kept(Response(status=304), etag)
    prepared = services().frames.prepared(found, frame - 1)
    rendered = render_prepared(prepared, view)
    response = Response(rendered.data, mimetype=rendered.media_type)
    response.headers["X-Window"] = _window_in_effect(prepared, view)
    return kept(response, etag)


@bp.get("/value")
@needs(Permission.VIEW_STUDIES)
def value(study: str, instance: str, frame: int) -> Response:
    """Return the stored and the modality value at `row` and `column` (from 0)."""
    found = find_instance(study, instance)
    row, column = request.args.get("row", type=int), request.args.get("column", type=int)
    if row is None or column is None:
        raise BadRequest("row and column are needed, as whole numbers")
    point = probe(services().frames.prepared(found, frame - 1), row, column)
    return jsonify(
        row=row, column=column, stored=point.stored, value=point.value, unit=point.unit, is_padding=point.is_padding
    )


def _view() -> View:
    args = request.args
    side = args.get("side", type=int)
    try:
        return View(
            window=_window(),
            invert=args.get("invert") == "1",
            overlays=args.get("overlays") != "0",
            colours=args.get("colours", ""),
            max_side=None if side is None else min(side, SIDE_MAX),
            format=PNG if args.get("format") == PNG else JPEG,
            quality=args.get("quality", 90, type=int),
        )
    except ValueError as error:
        raise BadRequest(str(error)) from None


def _window() -> Window | None:
    args = request.args
    if "center" not in args and "width" not in args:
        return None
    center, width = args.get("center", type=float), args.get("width", type=float)
    if center is None or width is None or not isfinite(center) or not isfinite(width):
        raise BadRequest("center and width are needed together, as numbers")
    return Window(center, width, args.get("function", LINEAR))


def _window_in_effect(prepared: Prepared, view: View) -> str:
    if prepared.grey is None:
        return "none"
    voi = choose_voi(prepared, view)
    return f"{voi.center:.12g},{voi.width:.12g},{voi.function}" if isinstance(voi, Window) else "table"
