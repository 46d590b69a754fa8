"""A study: the reading room, the light view, and the facts of its series and frames as JSON."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response as BaseResponse

from storage.errors import PixelError
from storage.model import Instance, Series, Study
from storage.names import display as person_name
from viewer import auth, display
from viewer.dicomweb.resources import find_series
from viewer.documents import kind_of
from viewer.etags import conditional
from viewer.permissions import Permission, needs
from viewer.presets import ct_presets
from viewer.reading.built import built_app
from viewer.reading.page_data import first_picture, page_data
from viewer.security import READING_POLICY, STUDY_POLICY
from viewer.services import archive, services

FRAMES_MAX = 64
DOCUMENTS_MAX = 500
VIEW_COOKIE = "filmless_view"
VIEW_SECONDS = 31_536_000

bp = Blueprint("study", __name__, url_prefix="/study/<study>")


@bp.get("")
@needs(Permission.VIEW_STUDIES)
def page(study: str) -> BaseResponse:
    """Show the study in the reading room, in the light view where a person prefers it or the app was not built.

    `series` and `image` (from 1) name what to begin with; `prefer` remembers the choice of this view.
    """
    app = built_app()
    if app is None:
        return _light(study, reason=gettext("The reading room is not built here; this is the light view."))
    prefers = "prefer" in request.args
    if request.cookies.get(VIEW_COOKIE) == "light" and not prefers:
        place: dict[str, Any] = {name: request.args[name] for name in ("series", "image") if name in request.args}
        return redirect(url_for("study.light", study=study, **place))
    found = _opened(study)
    first = first_picture(found, request.args.get("series"), request.args.get("image", 1, type=int) - 1)
    series = [series_facts(one) for one in archive().series(study)]
    html = render_template(
        "reading.html",
        study=found,
        app=app,
        first=first,
        words={text: gettext(text) for text in app.texts},
        page_data=page_data(found, first, series),
    )
    response = Response(html, headers={"Content-Security-Policy": READING_POLICY})
    return _remembered(response, "reading") if prefers else response


@bp.get("/light")
@needs(Permission.VIEW_STUDIES)
def light(study: str) -> BaseResponse:
    """Show the study in the light view; `prefer` remembers the choice, `reason` says why it is this view."""
    reason = gettext("This browser has no WebGL 2; this is the light view.") if "webgl" in request.args else ""
    response = _light(study, reason)
    return _remembered(response, "light") if "prefer" in request.args else response


@bp.get("/series")
@needs(Permission.VIEW_STUDIES)
def series_list(study: str) -> Response:
    """Return the facts of each series; open reading rooms ask again and again whether they are still the same."""
    return conditional(jsonify(study=study, series=[series_facts(series) for series in archive().series(study)]))


@bp.get("/series/<series>/frames")
@needs(Permission.VIEW_STUDIES)
def frames(study: str, series: str) -> Response:
    """Return the facts of up to `limit` frames from `offset` on (from 0); one that cannot be read says why."""
    stack = services().stacks.of(find_series(study, series))
    offset = max(0, request.args.get("offset", 0, type=int))
    limit = max(1, min(request.args.get("limit", 32, type=int), FRAMES_MAX))
    positions = range(offset, min(offset + limit, stack.total))
    return jsonify(total=stack.total, offset=offset, frames=[_frame(*stack.at(position)) for position in positions])


@bp.get("/series/<series>/documents")
@needs(Permission.VIEW_STUDIES)
def documents(study: str, series: str) -> Response:
    """List the objects of a series that are no images, with what can be done with them."""
    stack = services().stacks.of(find_series(study, series))
    images = {instance.sop_instance_uid for instance in stack.drawable}
    others = [instance for instance in stack.instances if instance.sop_instance_uid not in images]
    return jsonify(total=len(others), documents=[_document(instance) for instance in others[:DOCUMENTS_MAX]])


def _opened(study: str) -> Study:
    found = archive().study(study)
    services().looks.opened(auth.signed_in(), study, auth.address())
    return found


def _light(study: str, reason: str) -> Response:
    found = _opened(study)
    page = render_template(
        "light.html", study=found, page_data=_page_data(found), reason=reason, has_reading=built_app() is not None
    )
    return Response(page, headers={"Content-Security-Policy": STUDY_POLICY})


def _remembered(response: Response, view: str) -> Response:
    response.set_cookie(VIEW_COOKIE, view, max_age=VIEW_SECONDS, samesite="Lax", httponly=True)
    return response


def series_facts(series: Series) -> dict[str, Any]:
    """Return what a card of the series shows."""
    stack = services().stacks.of(series)
    uids: dict[str, Any] = {"study": series.study_instance_uid, "series": series.series_instance_uid}
    return {
        "uid": series.series_instance_uid,
        "modality": series.modality,
        "number": series.series_number,
        "description": series.series_description or series.protocol_name,
        "body_part": series.body_part_examined,
        "laterality": series.laterality,
        "instances": series.number_of_instances,
        "frames": stack.total,
        "documents": len(stack.instances) - len(stack.drawable),
        "revision": series.revision,
        "thumbnail": url_for("thumbnail.show", **uids, v=series.revision),
    }


def _page_data(study: Study) -> dict[str, Any]:
    """Return what the page's script begins with: the corner texts, the series and the known windows."""
    born = " ".join(filter(None, (display.date(study.patient_birth_date), display.sex(study.patient_sex))))
    when = f"{display.date(study.study_date)} {display.time(study.study_time)}".strip()
    return {
        "study": study.study_instance_uid,
        "patient": [person_name(study.patient_name), study.patient_id, born],
        "exam": [study.institution_name, study.study_description, when],
        "series": [series_facts(series) for series in archive().series(study.study_instance_uid)],
        "ct_presets": ct_presets(),
    }


def _frame(instance: Instance, index: int) -> dict[str, Any]:
    entry: dict[str, Any] = {"instance": instance.sop_instance_uid, "frame": index + 1}
    try:
        entry["facts"] = services().frames.facts(instance, index)
    except PixelError as error:
        entry["problem"] = str(error)
    return entry


def _document(instance: Instance) -> dict[str, Any]:
    uids: dict[str, Any] = {"study": instance.study_instance_uid, "instance": instance.sop_instance_uid}
    kind = kind_of(instance)
    return {
        "instance": instance.sop_instance_uid,
        "number": instance.instance_number,
        "kind": kind.value,
        "sop_class": instance.sop_class_uid,
        "size": instance.size,
        "page": url_for("document.show", **uids),
        "file": url_for("document.file", **uids) if auth.allowed(Permission.DOWNLOAD_OBJECTS) else None,
    }
