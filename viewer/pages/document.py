"""Objects that are no images: a report as text, a PDF, and any object as the file it is."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request, send_file

from storage.model import Instance
from storage.records import Event
from viewer import auth
from viewer.documents import Kind, kind_of, read_pdf, read_report
from viewer.pages.found import find_instance
from viewer.permissions import Permission, needs
from viewer.services import records

# A browser shows a PDF in its own viewer, which needs inline styles and refuses to run in a sandbox. Nothing but a PDF,
# known by its first bytes, is ever sent this way: HTML or SVG in its place is not served at all.
PDF_POLICY = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"

bp = Blueprint("document", __name__, url_prefix="/study/<study>/instances/<instance>")


@bp.get("/document")
@needs(Permission.VIEW_STUDIES)
def show(study: str, instance: str) -> str:
    """Return a piece of HTML: the report, or what else can be done with the object."""
    found = find_instance(study, instance)
    kind = kind_of(found)
    title, lines = read_report(found) if kind in (Kind.REPORT, Kind.KEY_IMAGES) else ("", [])
    return render_template("document.html", instance=found, kind=kind.value, title=title, lines=lines)


@bp.get("/pdf")
@needs(Permission.VIEW_STUDIES)
def pdf(study: str, instance: str) -> Response:
    """Return the PDF inside the object, to look at or, with `download=1`, as a file."""
    found = find_instance(study, instance)
    response = Response(read_pdf(found), mimetype="application/pdf")
    way = "attachment" if request.args.get("download") == "1" else "inline"
    response.headers["Content-Disposition"] = f'{way}; filename="{found.sop_instance_uid}.pdf"'
    response.headers["Content-Security-Policy"] = PDF_POLICY
    return response


@bp.get("/file")
@needs(Permission.DOWNLOAD_OBJECTS)
def file(study: str, instance: str) -> Response:
    """Return the object as the DICOM file it is stored in."""
    found = find_instance(study, instance)
    _note_download(found)
    response = send_file(
        found.path,
        mimetype="application/dicom",
        as_attachment=True,
        download_name=f"{found.sop_instance_uid}.dcm",
        conditional=False,
        etag=False,
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _note_download(instance: Instance) -> None:
    who = auth.signed_in()
    records().audit.record(
        Event.DOWNLOAD_OBJECT,
        who=who.name,
        means=who.means.value,
        study_instance_uid=instance.study_instance_uid,
        address=auth.address(),
        detail=instance.sop_instance_uid,
    )
