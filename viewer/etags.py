"""Answers that a browser may keep: their address always means the same bytes."""

from __future__ import annotations

import hashlib

from flask import Response, request

RENDERING_VERSION = "3"
"""Part of every ETag; raise it when the same request is to give other pixels than before."""

KEEP_SECONDS = 600
SIGN_IN_FIELDS = ("Authorization", "Cookie")
"""Whoever signs in next at the same computer asks anew, and is written down: what is kept belongs to a sign-in."""


def etag_of(*parts: object) -> str:
    """Return the ETag of what `parts` decide."""
    text = "\0".join((RENDERING_VERSION, *(part.hex() if isinstance(part, bytes) else str(part) for part in parts)))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def is_known(etag: str) -> bool:
    """Tell whether the caller has the bytes of `etag` already (RFC 9110 13.1.2)."""
    return request.if_none_match.contains_weak(etag)


def conditional(response: Response) -> Response:
    """Return a whole answer with the ETag of its bytes, 304 to one who has them; asked for again each time."""
    response.add_etag()
    response.headers["Cache-Control"] = "private, no-cache"
    response.vary.update(SIGN_IN_FIELDS)
    if response.status_code == 200 and is_known(response.get_etag()[0] or ""):
        response.set_data(b"")
        response.status_code = 304
    return response


def kept(response: Response, etag: str) -> Response:
    """Return `response` with its ETag, to be kept by this browser only, as long as the same person has signed in."""
    response.set_etag(etag)
    response.headers["Cache-Control"] = f"private, max-age={KEEP_SECONDS}"
    response.vary.update(SIGN_IN_FIELDS)
    return response
