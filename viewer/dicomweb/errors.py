"""Errors under `/dicom-web` as problem details (RFC 9457): a status, its name and one sentence.

`viewer.errors` finds the status of a `StorageError`; what is answered is made here, for programs, so it is never a
page, never a redirect and not translated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from flask import current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from viewer.dicomweb.media_types import MediaType

PREFIX = "/dicom-web"
PROBLEM_JSON = "application/problem+json"
_SENTENCES = {
    400: "The request cannot be understood.",
    401: "Sign in with an API token (Bearer) or a user's name and password (Basic).",
    403: "The caller's role may not do this.",
    404: "There is nothing at this address.",
    405: "This resource does not know that method.",
    413: "The request is too large.",
    500: "Something went wrong here; the reason is in the server's log.",
    503: "The server is busy or not ready; try again shortly.",
}


class Refused(HTTPException):
    """A request that cannot be answered: status, one sentence, and members that a program may read."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.code = status
        self.members = members
        self.headers = dict(headers or {})
        """Fields of the answer that the status asks for."""


def is_dicomweb(path: str) -> bool:
    """Tell whether a path is one of DICOMweb."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def not_acceptable(offered: Sequence[MediaType]) -> Refused:
    """Return the 406 that lists what would be acceptable (PS3.18 8.7.8)."""
    names = list(dict.fromkeys(str(offer) for offer in offered))
    return Refused(406, f"None of the accepted media types can be sent; these can: {', '.join(names)}", offered=names)


def unsupported_media_type(taken: Sequence[MediaType]) -> Refused:
    """Return the 415 that lists what would be taken, in `Accept` as well (RFC 9110 15.5.16)."""
    names = [str(media_type) for media_type in taken]
    return Refused(415, f"A body of this media type cannot be read; these can: {', '.join(names)}", accepted=names)


def problem(status: int, detail: str, **members: Any) -> Response:
    """Return an answer with problem details."""
    name = HTTPStatus(status).phrase if status in HTTPStatus.__members__.values() else "Error"
    body = {"type": "about:blank", "title": name, "status": status, "detail": detail or sentence_for(status), **members}
    response = Response(current_app.json.dumps(body), status, content_type=PROBLEM_JSON)
    if status == 401:
        _challenge(response)
    if status == 415 and "accepted" in members:
        response.headers["Accept"] = ", ".join(members["accepted"])
    return response


def sentence_for(status: int) -> str:
    """Return what is said where an error says nothing itself."""
    return _SENTENCES.get(status, "The request failed.")


def _challenge(response: Response) -> None:
    """Name the ways to sign in (RFC 9110 11.6.1).

    A script of a page does not get Basic: the browser would open its own password box over the page.
    """
    response.headers.add("WWW-Authenticate", 'Bearer realm="Filmless"')
    if request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate":
        response.headers.add("WWW-Authenticate", 'Basic realm="Filmless", charset="UTF-8"')
