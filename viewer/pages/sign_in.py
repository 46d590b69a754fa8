"""Signing in and out, and the choice of language."""

from __future__ import annotations

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from storage.errors import SignInRefused, TooManyAttempts
from storage.records import Event
from viewer import auth, language
from viewer.errors import status_of
from viewer.permissions import Permission, needs
from viewer.proxied import scheme
from viewer.security import safe_next
from viewer.services import records, services

YEAR = 365 * 24 * 3600

bp = Blueprint("sign_in", __name__)


@bp.get("/login")
def form() -> Response:
    """Show the form; a person who has signed in goes on."""
    if auth.optional_identity() is not None:
        return redirect(safe_next(request.args.get("next")), 303)
    return make_response(render_template("login.html", next=safe_next(request.args.get("next")), problem=None, name=""))


@bp.post("/login")
def submit() -> Response:
    """Check name and password; the session's secret goes into a cookie that scripts cannot read."""
    name, target = request.form.get("username", ""), safe_next(request.form.get("next"))
    try:
        signed_in = records().sign_in(name, request.form.get("password", ""), auth.address())
    except (SignInRefused, TooManyAttempts) as problem:
        page = render_template("login.html", next=target, problem=problem, name=name[:64])
        response = make_response(page, status_of(problem))
        if isinstance(problem, TooManyAttempts):
            response.headers["Retry-After"] = str(problem.retry_after)
        return response
    answer = redirect(target, 303)
    secure = scheme() == "https" or services().settings.https
    answer.set_cookie(auth.COOKIE, signed_in.token, httponly=True, samesite="Lax", secure=secure, path="/")
    return answer


@bp.post("/logout")
@needs(Permission.SIGNED_IN)
def logout() -> Response:
    """End this browser's session, here and in the records."""
    token = request.cookies.get(auth.COOKIE)
    if token:
        records().sessions.end(token)
        who = auth.signed_in()
        records().audit.record(Event.SIGN_OUT, who=who.name, means=who.means.value, address=auth.address())
    answer = redirect("/login", 303)
    answer.delete_cookie(auth.COOKIE, path="/", httponly=True, samesite="Lax")
    # Images that this browser kept go too; it heeds this over https and on localhost.
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


@bp.post("/language")
def choose_language() -> Response:
    """Remember the language in a cookie and go back."""
    answer = redirect(safe_next(request.form.get("next")), 303)
    chosen = request.form.get("language", "")
    if chosen in language.LANGUAGES:
        answer.set_cookie(language.COOKIE, chosen, max_age=YEAR, httponly=True, samesite="Lax", path="/")
    return answer
