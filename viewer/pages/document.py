"""Objects that are no images: a report as text, a PDF, and any object as the file it is."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request

from viewer import auth
from viewer.documents import Kind, kind_of, read_pdf, read_report
from viewer.etags import etag_of, is_known, kept
from viewer.pages.found import find_instance
from viewer.pages.references import Pointers, shapes
from viewer.permissions import Permission, needs
from viewer.ranges import ranged
from viewer.security import OF_A_FRAMED_DOCUMENT
from viewer.services import services
from viewer.streaming import FileSpan

bp = Blueprint("document", __name__, url_prefix="/study/<study>/instances/<instance>")


@bp.get("/document")
@needs(Permission.VIEW_STUDIES)
def show(study: str, instance: str) -> str:
    """Return a piece of HTML: the report, or what else can be done with the object."""
    found = find_instance(study, instance)
    kind = kind_of(found)
    title, lines = read_report(found) if kind in (Kind.REPORT, Kind.KEY_IMAGES) else ("", [])
    return render_template(
        "document.html",
        instance=found,
        kind=kind.value,
        title=title,
        lines=lines,
        pointers=Pointers(study),
        shapes=shapes(),
    )


@bp.get("/pdf")
@needs(Permission.VIEW_STUDIES)
def pdf(study: str, instance: str) -> Response:
    """Return the PDF inside the object, to look at or, with `download=1`, as a file."""
    found = find_instance(study, instance)
    etag = etag_of("pdf", found.dataset_sha256)
    data = read_pdf(found)
    response = kept(Response(data, mimetype="application/pdf"), etag)
    # Viewers ask for a long document in pieces.
    response.make_conditional(request, accept_ranges=True, complete_length=len(data))
    way = "attachment" if request.args.get("download") == "1" else "inline"
    response.headers["Content-Disposition"] = f'{way}; filename="{found.sop_instance_uid}.pdf"'
    # Nothing but a PDF, known by its first bytes, is ever sent this way: HTML or SVG in its place is not served at all.
    response.headers.update(OF_A_FRAMED_DOCUMENT)
    return response


@bp.get("/file")
@needs(Permission.DOWNLOAD_OBJECTS)
def file(study: str, instance: str) -> Response:
    """Return the object as the DICOM file it is stored in."""
    found = find_instance(study, instance)
    etag = etag_of("file", found.dataset_sha256)
    if is_known(etag):
        response = Response(status=304)
        response.set_etag(etag)
        return response
    services().looks.took(auth.signed_in(), study, auth.address(), instance)
    response = ranged(FileSpan(found.path, 0, found.size), "application/dicom", etag)
    response.headers["Content-Disposition"] = f'attachment; filename="{found.sop_instance_uid}.dcm"'
    response.headers["Cache-Control"] = "private, no-cache"
    return response
