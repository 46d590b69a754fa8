"""Errors as HTTP: each `StorageError` class to its status, in this one file; JSON or a page by what is asked for."""

from __future__ import annotations

import logging
from typing import Any

from flask import Flask, jsonify, render_template, request
from flask_babel import gettext, lazy_gettext
from flask_babel.speaklater import LazyString
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.wrappers import Response

from storage import errors as storage_errors
from viewer.dicomweb import errors as dicomweb_errors
from viewer.media import wants_html

log = logging.getLogger("filmless.viewer")

STATUS: tuple[tuple[type[storage_errors.StorageError], int], ...] = (
    (storage_errors.NotFound, 404),
    (storage_errors.UnsafeUID, 404),
    (storage_errors.QueryError, 400),
    (storage_errors.InvalidRecord, 400),
    (storage_errors.InvalidObject, 422),
    (storage_errors.PixelError, 422),
    (storage_errors.SignInRefused, 401),
    (storage_errors.TooManyAttempts, 429),
    (storage_errors.AlreadyExists, 409),
    (storage_errors.DuplicateConflict, 409),
    (storage_errors.ClassMismatch, 409),
    (storage_errors.OutOfSpace, 507),
    (storage_errors.DataFolderError, 503),
    (storage_errors.StorageError, 500),
)
"""The first class that fits decides. A UID that cannot be one names nothing, so it is simply not found."""

_WORDS: dict[int, LazyString] = {
    400: lazy_gettext("The request cannot be understood."),
    401: lazy_gettext("Please sign in."),
    403: lazy_gettext("You may not do this."),
    404: lazy_gettext("There is nothing at this address, or it is gone."),
    405: lazy_gettext("This address cannot be used that way."),
    409: lazy_gettext("It conflicts with what is stored."),
    413: lazy_gettext("The request is too large."),
    422: lazy_gettext("The object is stored, but cannot be shown as an image."),
    429: lazy_gettext("Too many failed attempts. Please wait a moment."),
    500: lazy_gettext("Something went wrong here. The reason is in the server's log."),
    503: lazy_gettext("The server is busy or not ready. Please try again shortly."),
    507: lazy_gettext("The archive's disk is full."),
}


def register(app: Flask) -> None:
    """Answer every error of `app` in one shape."""
    app.register_error_handler(storage_errors.StorageError, _storage_error)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unexpected)


def status_of(error: storage_errors.StorageError) -> int:
    """Return the HTTP status of `error`."""
    return next(status for kind, status in STATUS if isinstance(error, kind))


def words_for(status: int) -> str:
    """Return the sentence that a person reads for `status`, in their language."""
    return str(_WORDS.get(status) or gettext("The request failed."))


def _storage_error(error: storage_errors.StorageError) -> Response:
    status = status_of(error)
    if status >= 500:
        log.error("%s %s: %s", request.method, request.path, error)
    response = _answer(status, str(error))
    if isinstance(error, storage_errors.TooManyAttempts):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _http_error(error: HTTPException) -> Response:
    if isinstance(error.response, Response):
        return error.response
    default = type(error).description
    said = (error.description or "") if error.description != default else ""
    members = error.members if isinstance(error, dicomweb_errors.Refused) else {}
    response = _answer(error.code or 500, said, **members)
    if isinstance(error, dicomweb_errors.Refused):
        response.headers.update(error.headers)
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After", "Content-Range"):
            response.headers[name] = value
    return response


def _unexpected(error: Exception) -> Response:
    log.exception("%s %s failed", request.method, request.path, exc_info=error)
    return _answer(InternalServerError.code, "")


def _answer(status: int, detail: str, **members: Any) -> Response:
    response: Response
    if dicomweb_errors.is_dicomweb(request.path):
        return dicomweb_errors.problem(status, detail, **members)
    if wants_html():
        page = render_template("error.html", status=status, words=words_for(status), detail=detail)
        response = Response(page, status, mimetype="text/html")
    else:
        response = jsonify(status=status, error=words_for(status), detail=detail)
        response.status_code = status
    if status == 401:
        # A browser's own password box never opens over our pages: they ask for JSON and do not repeat on Bearer.
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
