"""What a browser may keep of the images that it has shown; `viewer/web/src/frames/shelf.ts` is the browser's side."""

from __future__ import annotations

import hashlib

from flask import request

from viewer import auth
from viewer.config import MIB
from viewer.etags import RENDERING_VERSION
from viewer.reading.prepared import form
from viewer.services import services


def kept_for() -> str | None:
    """Return for whom this page's browser may keep images: it forgets those of anybody else.

    Empty for nobody: after signing out, in a browser that was started anew, or where settings forbid it. None leaves
    things as they are: a session that ran out may be taken up again by the same person.
    """
    if not services().settings.browser_cache_mb:
        return ""
    who = auth.identity()
    if who is None:
        return None if auth.COOKIE in request.cookies else ""
    # What is kept is made ready by this version: another one begins anew.
    text = "\0".join(("browser store", RENDERING_VERSION, form(), who.name))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def keep() -> dict[str, str | int] | None:
    """Return what the reading room is told: for whom, and how many bytes at most; None where nothing may be kept."""
    person = kept_for()
    return {"person": person, "bytes": services().settings.browser_cache_mb * MIB} if person else None
