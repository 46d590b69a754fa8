"""Taking objects out of use over HTTP: `DELETE`, and `POST .../reject/{code}` as dcm4chee knows it.

PS3.18 has no such transaction for stored objects. What is done is the same for both ways (IHE RAD Imaging Object
Change Management): a rejection note is written, nobody finds the objects any more, and they can be restored until the
retention time is over. Nothing is erased at once; `DELETE` stands for the reason "quality".
"""

from __future__ import annotations

from collections.abc import Iterable

from flask import Blueprint, Response, jsonify
from pydicom.uid import KeyObjectSelectionDocumentStorage

from storage.errors import InvalidObject
from storage.model import Stored
from storage.records import Event
from storage.rejection import Reason, Rejection, Target
from viewer import auth
from viewer.dicomweb.errors import PREFIX, Refused
from viewer.permissions import Permission, needs
from viewer.services import archive, records

bp = Blueprint("reject", __name__, url_prefix=PREFIX)

_STUDY = "/studies/<study>"
_SERIES = f"{_STUDY}/series/<series>"
_INSTANCE = f"{_SERIES}/instances/<instance>"


@bp.delete(_STUDY)
@bp.delete(_SERIES)
@bp.delete(_INSTANCE)
@needs(Permission.REJECT_OBJECTS)
def delete(study: str, series: str = "", instance: str = "") -> Response:
    """Reject for quality reasons."""
    reject(Target(study, series, instance), Reason.QUALITY)
    return Response(status=204)


@bp.post(f"{_STUDY}/reject/<code>")
@bp.post(f"{_SERIES}/reject/<code>")
@bp.post(f"{_INSTANCE}/reject/<code>")
@needs(Permission.REJECT_OBJECTS)
def reject_with_code(code: str, study: str, series: str = "", instance: str = "") -> Response:
    """Reject for the reason that `code` names: a code value of DCM, with or without `^DCM`."""
    rejection = reject(Target(study, series, instance), _reason(code))
    return jsonify(count=rejection.instances, rejection=rejection.identifier)


def reject(target: Target, reason: Reason, comment: str = "") -> Rejection:
    """Reject in the name of the caller, and note it in the audit.

    Raises:
        NotFound: there is no such thing.
    """
    who = auth.signed_in()
    rejection = archive().rejections.reject(target, reason, who.name, comment)
    note(Event.REJECT, rejection, reason.meaning)
    return rejection


def obey(stored: Iterable[Stored]) -> None:
    """Act on rejection notes among what the caller has stored, where the caller may reject, and note it in the audit.

    Raises:
        InvalidObject: a note cannot be read; those after it are obeyed all the same.
        OutOfSpace, WriteFailed: it was done in part or not at all; sent again, the note does the rest.
    """
    if not auth.allowed(Permission.REJECT_OBJECTS):
        return
    unread: InvalidObject | None = None
    for one in stored:
        if one.sop_class_uid == KeyObjectSelectionDocumentStorage:
            sent = archive().instance(one.sop_instance_uid)
            try:
                archive().rejections.obey(sent, auth.signed_in().name, _note_rejection)
            except InvalidObject as e:
                unread = e
    if unread is not None:
        raise unread


def _note_rejection(rejection: Rejection) -> None:
    note(Event.REJECT, rejection, rejection.reason.meaning)


def note(event: Event, rejection: Rejection, detail: str = "") -> None:
    """Note in the audit what was done with a rejection."""
    who = auth.signed_in()
    records().audit.record(
        event,
        who=who.name,
        means=who.means.value,
        study_instance_uid=rejection.target.study_instance_uid,
        address=auth.address(),
        detail=f"{rejection.instances} objects, {rejection.identifier} {detail}".strip(),
    )


def _reason(code: str) -> Reason:
    value, _, scheme = code.partition("^")
    try:
        if scheme in ("", "DCM"):
            return Reason(value)
    except ValueError:
        pass
    known = ", ".join(f"{reason.value}^DCM ({reason.meaning})" for reason in Reason)
    raise Refused(400, f"{code[:64]!r} is no reason to reject; these are: {known}")
