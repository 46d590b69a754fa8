"""What every template may use: who is signed in, the language, the form token, the notices."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import Any

from flask import Flask, url_for

from viewer import auth, language
from viewer.browser_store import kept_for
from viewer.permissions import Permission
from viewer.security import CSRF_FIELD, csrf_token


def register(app: Flask) -> None:
    """Add the names below to every template of `app`."""
    app.context_processor(_context)


def _context() -> dict[str, Any]:
    return {
        "identity": auth.identity(),
        "allowed": auth.allowed,
        "Permission": Permission,
        "language": language.current(),
        "languages": language.LANGUAGES,
        "script_words": language.script_words,
        "csrf_field": CSRF_FIELD,
        "csrf_token": csrf_token,
        "static_address": static_address,
        "kept_for": kept_for,
    }


def static_address(filename: str) -> str:
    """Return the address of a static file with its content's hash.

    Static files are asked for again each time and mostly answered with 304, as scripts import each other by plain name;
    the hash is for browsers that keep them all the same.
    """
    return url_for("static", filename=filename, v=_content_hash(filename))


@cache
def _content_hash(filename: str) -> str:
    return hashlib.sha256((language.STATIC / filename).read_bytes()).hexdigest()[:12]
