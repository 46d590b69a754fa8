"""What was refused and why, and patients whose identities conflict."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask_babel import gettext

from storage.quarantine import Reason
from viewer.permissions import Permission, needs
from viewer.services import archive

PAGE_SIZE = 100

bp = Blueprint("quarantine", __name__)


@bp.get("/quarantine")
@needs(Permission.VIEW_QUARANTINE)
def index() -> str:
    """List objects in quarantine with their reasons, then patient conflicts."""
    page = max(1, min(request.args.get("page", 1, type=int) or 1, 10_000))
    total = archive().quarantined_count()
    return render_template(
        "quarantine.html",
        objects=archive().quarantined(PAGE_SIZE, (page - 1) * PAGE_SIZE),
        reasons=reasons(),
        conflicts=archive().patient_conflicts(PAGE_SIZE, 0),
        total=total,
        page=page,
        pages=max(1, -(-total // PAGE_SIZE)),
    )


def reasons() -> dict[str, tuple[str, str]]:
    """Each reason in the person's words, and what helps."""
    return {
        Reason.UNREADABLE.value: (
            gettext("Cannot be read"),
            gettext(
                "It is damaged or incomplete. Send it again; if it comes the same, show the line below to the maker."
            ),
        ),
        Reason.UNSAFE_UID.value: (
            gettext("Unusable UID"),
            gettext("One of its UIDs breaks the rules of DICOM. This must be mended at the device."),
        ),
        Reason.CLASS_MISMATCH.value: (
            gettext("Not what was announced"),
            gettext(
                "The device announced another object than it sent. Send it again; if it comes the same, ask the maker."
            ),
        ),
        Reason.CONFLICT.value: (
            gettext("Same UID, other content"),
            gettext(
                "The object that came first stays. What was corrected at the device "
                "must be sent from there with a new UID."
            ),
        ),
    }
