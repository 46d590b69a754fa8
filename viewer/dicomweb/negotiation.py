"""The media type of an answer, and of a body, for the present request."""

from __future__ import annotations

from collections.abc import Sequence

from flask import request

from viewer.dicomweb import errors
from viewer.dicomweb.media_types import MediaType, MediaTypeError, accepted, choose, matches, parse


def accepted_types() -> tuple[MediaType, ...]:
    """Return the media types that the request accepts: query parameter `accept`, else the header, else all."""
    return accepted(",".join(request.args.getlist("accept")), request.headers.get("Accept"))


def negotiate(offered: Sequence[MediaType]) -> MediaType:
    """Return the best of `offered`, the first being the default.

    Raises:
        Refused: 406, with the list of what is offered.
    """
    chosen = choose(accepted_types(), offered)
    if chosen is None:
        raise errors.not_acceptable(offered)
    return chosen


def content_type(taken: Sequence[MediaType]) -> MediaType:
    """Return the media type of the body, with all its parameters, if it is one of `taken`.

    Raises:
        Refused: 415, with the list of what is taken.
    """
    try:
        found = parse(request.headers.get("Content-Type", ""))
    except MediaTypeError:
        raise errors.unsupported_media_type(taken) from None
    if not any(matches(kind, found) for kind in taken):
        raise errors.unsupported_media_type(taken)
    return found
