"""Who asks: the session cookie, an API token or HTTP Basic; and whether they may.

Closed by default: a request goes on only when its endpoint is in `PUBLIC`, or its view carries a permission
(`viewer.permissions.needs`) that the caller's role has. A view without a mark is refused to everyone.
"""

from __future__ import annotations

from typing import cast
from urllib.parse import quote

from flask import Blueprint, current_app, g, redirect, request, url_for
from werkzeug.exceptions import Forbidden, NotFound, Unauthorized
from werkzeug.wrappers import Response as BaseResponse

from storage.records import Identity
from viewer.media import wants_html
from viewer.permissions import Permission, may, needed_by
from viewer.services import records

COOKIE = "filmless_session"
WATCHING = "X-Watching"
"""Header of requests that a page makes by itself."""

PUBLIC = frozenset({"sign_in.form", "sign_in.submit", "sign_in.choose_language", "static", "health.healthz"})
"""Endpoints that answer anyone."""

bp = Blueprint("auth", __name__)


@bp.before_app_request
def check() -> BaseResponse | None:
    """Let the request pass, send a browser to sign in, or refuse."""
    g.identity = None
    if request.endpoint in PUBLIC:
        return None
    g.identity = _identity()
    if request.endpoint == "health.metrics" and _is_direct_loopback():
        return None
    if g.identity is None:
        return _ask_to_sign_in()
    if request.endpoint is None:
        raise request.routing_exception or NotFound
    permission = needed_by(current_app.view_functions[request.endpoint])
    if permission is None or not may(g.identity.role, permission):
        raise Forbidden
    return None


def identity() -> Identity | None:
    """Return who asks, None on public pages; on those, a good session still counts (see `optional_identity`)."""
    return cast("Identity | None", g.get("identity"))


def signed_in() -> Identity:
    """Return who asks, for views that need a permission."""
    found = identity()
    if found is None:
        raise Unauthorized
    return found


def optional_identity() -> Identity | None:
    """Return who asks when the session cookie is good, for public pages."""
    token = request.cookies.get(COOKIE)
    # A page that only stays open and watches something does not keep a session from going idle.
    session = records().sessions.find(token, touch=WATCHING not in request.headers) if token else None
    return session.identity if session else None


def address() -> str:
    """Return the caller's address, as the audit records it."""
    return request.remote_addr or ""


def allowed(permission: Permission) -> bool:
    """Tell whether the caller has `permission`, for templates that leave out what would be refused."""
    found = identity()
    return found is not None and may(found.role, permission)


def _identity() -> Identity | None:
    authorization = request.authorization
    if authorization is None:
        return optional_identity()
    if authorization.type == "bearer":
        return records().tokens.find(authorization.token or "")
    if authorization.type == "basic":
        return records().check_password(authorization.username or "", authorization.password or "", address())
    return None


def _is_direct_loopback() -> bool:
    # A reverse proxy on this computer is loopback too, but then the caller is somebody else.
    forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return request.remote_addr in ("127.0.0.1", "::1") and not forwarded


def _ask_to_sign_in() -> BaseResponse:
    if not wants_html() or request.authorization is not None:
        raise Unauthorized
    if request.method not in ("GET", "HEAD"):
        return redirect(url_for("sign_in.form"), 303)
    here = request.full_path if request.query_string else request.path
    query = "" if here == "/" else f"?next={quote(here, safe='/')}"
    return redirect(url_for("sign_in.form") + query, 303)
