"""Taking a study or series out of use, and bringing it back."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, send_file, url_for
from flask_babel import lazy_gettext
from flask_babel.speaklater import LazyString
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from storage.records import Event
from storage.rejection import Reason, Target
from viewer.dicomweb.reject import note, reject
from viewer.permissions import Permission, needs
from viewer.services import archive, services

PAGE_SIZE = 100

bp = Blueprint("rejected", __name__)

REASONS: dict[str, LazyString] = {
    Reason.QUALITY.value: lazy_gettext("Poor quality"),
    Reason.PATIENT_SAFETY.value: lazy_gettext("Patient safety: wrong patient, wrong side, wrong labels"),
    Reason.WRONG_WORKLIST_ENTRY.value: lazy_gettext("Wrong worklist entry was chosen at the device"),
    Reason.RETENTION_EXPIRED.value: lazy_gettext("No longer needs to be kept"),
}


@bp.get("/rejected")
@needs(Permission.REJECT_OBJECTS)
def index() -> str:
    """List what is rejected and can still be restored."""
    page = max(1, min(request.args.get("page", 1, type=int) or 1, 10_000))
    total = archive().rejections.count()
    return render_template(
        "rejected.html",
        rejections=archive().rejections.page(PAGE_SIZE, (page - 1) * PAGE_SIZE),
        reasons=REASONS,
        days=services().settings.rejected_days,
        page=page,
        pages=max(1, -(-total // PAGE_SIZE)),
    )


@bp.get("/study/<study>/reject")
@needs(Permission.REJECT_OBJECTS)
def ask(study: str) -> str:
    """Ask what is to be rejected and why."""
    return render_template(
        "reject.html",
        study=archive().study(study),
        series=archive().series(study),
        reasons=REASONS,
        days=services().settings.rejected_days,
    )


@bp.post("/study/<study>/reject")
@needs(Permission.REJECT_OBJECTS)
def confirm(study: str) -> Response:
    """Reject a study, or one series of it."""
    try:
        reason = Reason(request.form.get("reason", ""))
    except ValueError:
        raise BadRequest from None
    reject(Target(study, request.form.get("series", "")), reason, request.form.get("comment", "").strip())
    return redirect(url_for("rejected.index"), 303)


@bp.post("/rejected/<identifier>/restore")
@needs(Permission.REJECT_OBJECTS)
def restore(identifier: str) -> Response:
    """Bring back what was rejected."""
    rejection = archive().rejections.restore(identifier)
    note(Event.RESTORE, rejection)
    return redirect(url_for("study.page", study=rejection.target.study_instance_uid), 303)


@bp.get("/rejected/<identifier>/note")
@needs(Permission.REJECT_OBJECTS)
def note_file(identifier: str) -> Response:
    """Send the rejection note as a file."""
    found = archive().rejections.get(identifier)
    return send_file(
        found.note, mimetype="application/dicom", as_attachment=True, download_name=f"rejection-{identifier}.dcm"
    )
