"""WADO-URI (PS3.18 9): one instance or picture by the parameters of a query, as older viewers and links ask for it.

    /dicom-web/wado?requestType=WADO&studyUID=...&seriesUID=...&objectUID=...

- `contentType`: `application/dicom`, `image/jpeg` (the default where there are pixels), `image/png`, `image/gif`,
  `image/jp2`; for reports `text/html` and `text/plain`, for documents `application/pdf`.
- Of pictures: `frameNumber` (from 1), `windowCenter` with `windowWidth`, `rows`, `columns`, `region` (four numbers from
  0 to 1: left, top, right, bottom), `imageQuality`, `annotation`. With `presentationSeriesUID` and `presentationUID`
  the picture is shown as that presentation state of the same study says; then window and region are its own.
- Of objects: `transferSyntax`, Explicit VR Little Endian by default, `*` for as it is stored. `anonymize` is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flask import Blueprint, Response, request
from werkzeug.exceptions import Forbidden

from storage.model import Instance
from viewer.auth import address, allowed, signed_in
from viewer.dicomweb.errors import PREFIX, Refused, not_acceptable
from viewer.dicomweb.media_types import MediaType, choose, parse, parse_accept
from viewer.dicomweb.resources import find_instance
from viewer.dicomweb.wado import parameters as parameters_of
from viewer.dicomweb.wado.forms import DICOM, EXPLICIT_LITTLE
from viewer.dicomweb.wado.parameters import SIDE_MAX, Parameters, Region, Viewport
from viewer.dicomweb.wado.presented import State, find_state
from viewer.dicomweb.wado.rendered import PICTURES, Drawing, document, etag_of_state, presented_picture
from viewer.documents import Kind, kind_of
from viewer.etags import etag_of, is_known, kept
from viewer.object_store import ANY, ObjectStore
from viewer.permissions import Permission, needs
from viewer.ranges import ranged
from viewer.services import services
from viewer.streaming import Piece, StreamBody

_OBJECT = parse(DICOM)
_DOCUMENTS = {Kind.PDF: (parse("application/pdf"),), Kind.REPORT: (parse("text/html"), parse("text/plain"))}

bp = Blueprint("wado_uri", __name__, url_prefix=PREFIX)


@bp.get("/wado")
@needs(Permission.VIEW_STUDIES)
def wado() -> Response:
    """Return an instance; see the module's top."""
    if _needed("requestType") != "WADO":
        raise Refused(400, "The requestType is WADO.")
    if "anonymize" in request.args:
        raise Refused(400, "Objects are not anonymized here; leave anonymize out, or de-identify what you receive.")
    instance = find_instance(_needed("studyUID"), _needed("seriesUID"), _needed("objectUID"))
    documents = _DOCUMENTS.get(kind_of(instance), ())
    offered = (*(PICTURES if kind_of(instance) is Kind.IMAGE else documents), _OBJECT)
    chosen = _chosen(offered)
    if chosen is _OBJECT:
        return _object(instance)
    if chosen in documents:
        return document(instance, chosen)
    return _picture(instance, chosen)


def _needed(name: str) -> str:
    value = request.args.get(name)
    if not value:
        raise Refused(400, f"The parameter {name} is missing.")
    return value


def _chosen(offered: Sequence[MediaType]) -> MediaType:
    ranges = parse_accept(request.args.get("contentType", "*/*").replace(" ", "+"))
    chosen = choose(ranges, offered)
    if chosen is None:
        raise not_acceptable(offered)
    return chosen


def _object(instance: Instance) -> Response:
    if not allowed(Permission.DOWNLOAD_OBJECTS):
        raise Forbidden
    target = request.args.get("transferSyntax", EXPLICIT_LITTLE)
    store = services().object_store
    with store.opened_if_possible(instance, target) as file:
        given, length = file.transfer_syntax_uid, file.span.length
    if "transferSyntax" in request.args and target not in (ANY, given):
        raise Refused(406, f"The instance cannot be put into {target[:64]}; it is stored as {given}.")
    etag = etag_of("object", instance.dataset_sha256, given)
    if is_known(etag):
        return kept(Response(status=304), etag)
    services().looks.took(signed_in(), instance.study_instance_uid, address(), instance.sop_instance_uid)
    stored = store.stored(instance, given)
    if stored is not None:
        return kept(ranged(stored.span, f"{DICOM}; transfer-syntax={given}", etag), etag)
    body = StreamBody(_pieces(store, instance, given), length)
    response = Response(body, content_type=f"{DICOM}; transfer-syntax={given}", direct_passthrough=True)
    response.headers["Content-Length"] = str(length)
    return kept(response, etag)


def _pieces(store: ObjectStore, instance: Instance, target: str) -> Iterator[Piece]:
    with store.opened(instance, target) as file:
        yield file.span


def _picture(instance: Instance, chosen: MediaType) -> Response:
    index = _frame(instance)
    state = _state(instance, index)
    asked = _parameters(instance)
    services().looks.looked(signed_in(), instance.study_instance_uid, address())
    if state is not None:
        shown = instance, index
        return kept(presented_picture(state, shown, asked, chosen), etag_of_state(state, shown, asked, chosen))
    etag = etag_of("wado", instance.dataset_sha256, index, asked, chosen)
    if is_known(etag):
        return kept(Response(status=304), etag)
    drawing = Drawing.of(instance.study_instance_uid, asked)
    return kept(Response(drawing.picture((instance, index), chosen.essence), mimetype=chosen.essence), etag)


def _state(instance: Instance, index: int) -> State | None:
    """Return the presentation state that the request names; None where it names none."""
    series, uid = (request.args.get(name) for name in ("presentationSeriesUID", "presentationUID"))
    if series is None and uid is None:
        return None
    if not series or not uid:
        raise Refused(400, "presentationSeriesUID and presentationUID are needed together.")
    for name in ("windowCenter", "windowWidth", "region"):
        if name in request.args:
            raise Refused(400, f"The presentation state decides about {name}; leave one of them out.")
    state = find_state(instance.study_instance_uid, series, uid)
    state.check(instance, index)
    return state


def _frame(instance: Instance) -> int:
    text = request.args.get("frameNumber", "1")
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 10 and int(text) > 0):
        raise Refused(400, f"The frameNumber {text[:20]!r} is none; frames are counted from 1.")
    frames = max(instance.number_of_frames or 1, 1)
    if int(text) > frames:
        # PS3.18 9.5.2.1: of the parameter, not of the address.
        raise Refused(400, f"The frameNumber is {text}; the last one is {frames}.")
    return int(text) - 1


def _parameters(instance: Instance) -> Parameters:
    args = request.args
    named = {"quality": args.get("imageQuality"), "annotation": args.get("annotation")}
    center, width = args.get("windowCenter"), args.get("windowWidth")
    if (center is None) != (width is None):
        raise Refused(400, "windowCenter and windowWidth are needed together.")
    if center is not None:
        named["window"] = f"{center},{width}"
    try:
        read = parameters_of.read({name: value for name, value in named.items() if value is not None})
        viewport = _viewport(instance)
    except ValueError as error:
        raise Refused(400, str(error)) from None
    return Parameters(read.window, viewport, read.quality, read.annotation)


def _viewport(instance: Instance) -> Viewport | None:
    rows, columns, region = (request.args.get(name) for name in ("rows", "columns", "region"))
    if rows is None and columns is None and region is None:
        return None
    whole = (instance.columns or 1, instance.rows or 1)
    left, top, right, bottom = (0.0, 0.0, 1.0, 1.0) if region is None else _region(region)
    x, y, width, height = left * whole[0], top * whole[1], (right - left) * whole[0], (bottom - top) * whole[1]
    # One of the two alone leaves the other free; with a region alone, its pixels are shown one to one.
    free = SIDE_MAX if rows is not None or columns is not None else None
    return Viewport(
        _side("columns", columns) if columns is not None else free or max(1, round(width)),
        _side("rows", rows) if rows is not None else free or max(1, round(height)),
        Region(x, y, width, height),
    )


def _side(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= SIDE_MAX):
        raise ValueError(f"{name} is {text[:20]!r}; 1 to {SIDE_MAX} is possible.")
    return int(text)


def _region(text: str) -> tuple[float, float, float, float]:
    try:
        left, top, right, bottom = map(float, text.split(","))
    except ValueError:
        raise ValueError("The region is four numbers from 0 to 1: left, top, right, bottom.") from None
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise ValueError("The region is four numbers from 0 to 1: left, top, right, bottom.")
    return left, top, right, bottom
