"""What was refused and why, and patients whose identities conflict."""

from __future__ import annotations

from flask import Blueprint, render_template, request

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
        conflicts=archive().patient_conflicts(PAGE_SIZE, 0),
        total=total,
        page=page,
        pages=max(1, -(-total // PAGE_SIZE)),
    )
