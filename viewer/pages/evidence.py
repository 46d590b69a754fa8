"""What a reader saves with a study: measurements (SR), views (presentation states), key images (KO)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request
from werkzeug.exceptions import BadRequest, Conflict

from storage.model import Source
from storage.records import Event
from viewer import auth
from viewer.evidence.key_write import read_key_images
from viewer.evidence.model import InvalidReading, object_of, read_measurements, read_uid
from viewer.evidence.presentation import read_view
from viewer.evidence.shelf import Shelf, Superseded
from viewer.permissions import Permission, needs
from viewer.services import archive, records, services

bp = Blueprint("evidence", __name__, url_prefix="/study/<study>")


@bp.get("/measurements")
@needs(Permission.VIEW_STUDIES)
def measurements(study: str) -> Response:
    """Return the documents with measurements that hold, of all readers and of other programs."""
    return jsonify(documents=_listed(_shelf(study).measurements()), may_save=auth.allowed(Permission.SAVE_EVIDENCE))


@bp.post("/measurements")
@needs(Permission.SAVE_EVIDENCE)
def save_measurements(study: str) -> tuple[Response, int]:
    """Keep all of the caller's `measurements`, `based_on` their document before (null for the first); 409 if stale."""
    shelf, who = _shelf(study), auth.signed_in()
    body = _body("measurements", "based_on")
    try:
        found = read_measurements(body.get("measurements"))
        instance = shelf.save_measurements(found, who.name, _based_on(body), _source())
    except InvalidReading as error:
        raise BadRequest(str(error)) from None
    except Superseded as error:
        raise _stale(error) from None
    _note(study, f"measurements {instance}")
    return _saved(instance, shelf.measurements())


@bp.get("/views")
@needs(Permission.VIEW_STUDIES)
def views(study: str) -> Response:
    """Return the presentation states."""
    return jsonify(documents=_listed(_shelf(study).views()), may_save=auth.allowed(Permission.SAVE_EVIDENCE))


@bp.post("/views")
@needs(Permission.SAVE_EVIDENCE)
def save_view(study: str) -> tuple[Response, int]:
    """Keep a view beside those that are there, also beside one of the same name."""
    shelf = _shelf(study)
    try:
        instance = shelf.save_view(read_view(_json()), auth.signed_in().name, _source())
    except InvalidReading as error:
        raise BadRequest(str(error)) from None
    _note(study, f"view {instance}")
    return _saved(instance, shelf.views())


@bp.get("/key-images")
@needs(Permission.VIEW_STUDIES)
def key_images(study: str) -> Response:
    """Return the selections of key images that hold."""
    return jsonify(documents=_listed(_shelf(study).key_images()), may_save=auth.allowed(Permission.SAVE_EVIDENCE))


@bp.post("/key-images")
@needs(Permission.SAVE_EVIDENCE)
def save_key_images(study: str) -> tuple[Response, int]:
    """Keep all of the caller's key `images`, `based_on` their document before (null for the first); 409 if stale."""
    shelf = _shelf(study)
    body = _body("images", "description", "based_on")
    try:
        instance = shelf.save_key_images(read_key_images(body), auth.signed_in().name, _based_on(body), _source())
    except InvalidReading as error:
        raise BadRequest(str(error)) from None
    except Superseded as error:
        raise _stale(error) from None
    if instance is not None:
        _note(study, f"key images {instance}")
    return _saved(instance, shelf.key_images())


def _shelf(study: str) -> Shelf:
    return Shelf(archive(), services().frames, study)


def _body(*names: str) -> dict[str, Any]:
    try:
        return object_of(_json(), names)
    except InvalidReading as error:
        raise BadRequest(str(error)) from None


def _json() -> object:
    try:
        return request.get_json()
    except RecursionError:
        raise BadRequest("the JSON is nested too deeply") from None


def _based_on(body: dict[str, Any]) -> str | None:
    value = body.get("based_on")
    return None if value is None else read_uid(value, "based_on")


def _stale(error: Superseded) -> Conflict:
    return Conflict(f"there is a newer version of these: {str(error) or 'none is kept any more'}")


def _listed(documents: list[Any]) -> list[dict[str, Any]]:
    reader = auth.signed_in().name
    return [document.json(reader) for document in documents]


def _saved(instance: str | None, documents: list[Any]) -> tuple[Response, int]:
    answer = jsonify(instance=instance, documents=_listed(documents), may_save=True)
    return answer, 201 if instance else 200


def _source() -> Source:
    return Source(address=auth.address())


def _note(study: str, detail: str) -> None:
    who = auth.signed_in()
    records().audit.record(
        Event.SAVE_DOCUMENT,
        who=who.name,
        means=who.means.value,
        study_instance_uid=study,
        address=auth.address(),
        detail=detail,
    )
