"""The reading room: its page's parts that scripts ask for, and the files of the built app."""

from __future__ import annotations

import io
import mimetypes
from pathlib import Path

import numpy as np
from flask import Blueprint, Response, jsonify, request, send_file
from PIL import Image
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.security import safe_join

from viewer import auth
from viewer.dicomweb.compression import compress_if_worth
from viewer.dicomweb.resources import find_series
from viewer.etags import etag_of, is_known, kept
from viewer.frame_records import listed
from viewer.pages.found import find_instance
from viewer.permissions import Permission, needs
from viewer.reading.built import FOLDER
from viewer.reading.pixels import records
from viewer.rendering.overlay import overlay_mask
from viewer.security import READING_POLICY, csrf_token
from viewer.services import services
from viewer.streaming import StreamBody

FACTS_MAX = 1000
YEAR_SECONDS = 31_536_000
_ENCODINGS = (("br", ".br"), ("gzip", ".gz"))

bp = Blueprint("reading", __name__)


@bp.get("/study/<study>/series/<series>/facts")
@needs(Permission.VIEW_STUDIES)
def facts(study: str, series: str) -> Response:
    """Return the facts of up to `limit` frames from `offset` on: what all share, and what each has of its own."""
    found = find_series(study, series)
    stack = services().stacks.of(found)
    offset = max(0, request.args.get("offset", 0, type=int))
    limit = max(1, min(request.args.get("limit", FACTS_MAX, type=int), FACTS_MAX))
    etag = etag_of("facts", series, found.revision, offset, limit)
    if is_known(etag):
        return kept(Response(status=304), etag)
    body = services().facts.body(found, stack, offset, limit)
    answer = kept(Response(body, mimetype="application/json"), etag)
    # The 190 KB of 400 slices become 23: on a slow network they stand in the way of the pictures.
    compress_if_worth(answer)
    return answer


@bp.get("/study/<study>/series/<series>/pixels")
@needs(Permission.VIEW_STUDIES)
def pixels(study: str, series: str) -> Response:
    """Stream the frames that `frames` lists, made ready for a browser (see `viewer.reading.pixels`)."""
    stack = services().stacks.of(find_series(study, series))
    try:
        places = listed(request.args.get("frames", ""), stack.total)
    except ValueError as error:
        raise BadRequest(str(error)) from None
    return Response(StreamBody(records(stack, places)), mimetype="application/octet-stream", direct_passthrough=True)


@bp.get("/study/<study>/instances/<instance>/frames/<int:frame>/overlay")
@needs(Permission.VIEW_STUDIES)
def overlay(study: str, instance: str, frame: int) -> Response:
    """Return the overlay planes of a frame (from 1) as a PNG, white where drawn and clear elsewhere."""
    found = find_instance(study, instance)
    etag = etag_of("overlay", found.dataset_sha256, frame)
    if is_known(etag):
        return kept(Response(status=304), etag)
    with services().frames.opened(found) as obj:
        mask = overlay_mask(obj, frame - 1)
        shape = (obj.description.rows, obj.description.columns)
    alpha = np.zeros(shape, np.uint8) if mask is None else mask.astype(np.uint8) * 255
    out = io.BytesIO()
    Image.merge("LA", (Image.new("L", (shape[1], shape[0]), 255), Image.fromarray(alpha))).save(out, "PNG")
    return kept(Response(out.getvalue(), mimetype="image/png"), etag)


@bp.get("/reading/session")
@needs(Permission.SIGNED_IN)
def session() -> Response:
    """Return who reads and the token of the session, for a page that was opened before another sign-in."""
    return jsonify(reader=auth.signed_in().name, token=csrf_token())


@bp.get("/assets/reading/<path:name>")
@needs(Permission.SIGNED_IN)
def asset(name: str) -> Response:
    """Return a file of the built app, compressed where the browser takes that; names carry their content's hash."""
    path = safe_join(str(FOLDER), name)
    if path is None or not Path(path).is_file():
        raise NotFound
    media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
    response = _compressed(path, media_type) or send_file(path, media_type, max_age=YEAR_SECONDS)
    response.headers["Cache-Control"] = f"private, max-age={YEAR_SECONDS}, immutable"
    response.headers["Vary"] = "Accept-Encoding"
    # A worker lives under the policy of its own script, and ours compile image codecs.
    response.headers["Content-Security-Policy"] = READING_POLICY
    return response


def _compressed(path: str, media_type: str) -> Response | None:
    for coding, suffix in _ENCODINGS:
        if request.accept_encodings[coding] > 0 and Path(path + suffix).is_file():
            response = send_file(path + suffix, media_type)
            response.headers["Content-Encoding"] = coding
            return response
    return None
