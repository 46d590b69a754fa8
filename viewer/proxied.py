"""What a proxy in front passes on of a request.

Anyone may write these fields. So nothing that protects others rests on them: who writes them himself is told no more
than his own words, and gets a cookie that is of no use to him.
"""

from __future__ import annotations

from flask import request


def forwarded(name: str) -> str:
    """Return what the outermost proxy wrote; each further one adds its own behind a comma."""
    return request.headers.get(name, "").partition(",")[0].strip()


def scheme() -> str:
    """Return `http` or `https`, as the caller knows this server."""
    told = forwarded("X-Forwarded-Proto").lower()
    return told if told in ("http", "https") else request.scheme
