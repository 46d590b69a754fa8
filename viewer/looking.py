"""What pages are sent of a study is in the audit, whichever address it was asked for at.

The addresses below `/study/` give pictures, samples and facts to scripts; whoever has signed in can ask for them
without the page that opens the study and writes so. DICOMweb notes looks by itself, with its own word.
"""

from __future__ import annotations

from flask import Blueprint, request
from werkzeug.wrappers import Response

from viewer import auth
from viewer.dicomweb.errors import is_dicomweb
from viewer.services import services

_SENT = frozenset({200, 206, 304})

bp = Blueprint("looking", __name__)


@bp.after_app_request
def note(response: Response) -> Response:
    """Write that the caller looks at the study of the address, before anything of it is sent."""
    study = (request.view_args or {}).get("study")
    who = auth.identity()
    if study and who and response.status_code in _SENT and request.method == "GET" and not is_dicomweb(request.path):
        services().looks.looked(who, study, auth.address(), "images")
    return response
