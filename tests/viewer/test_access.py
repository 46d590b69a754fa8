"""Who gets in, and what is refused."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from storage.records import Records, Role
from tests.support.web import HTML, PASSWORD
from viewer.auth import PUBLIC
from viewer.permissions import PERMISSIONS, Permission, needed_by
from viewer.security import safe_next

UID = "1.2.3"


def _addresses(app: Flask) -> list[tuple[str, str, str]]:
    """Every route as (method, address, endpoint), with something in place of its variables."""
    found = []
    for rule in app.url_map.iter_rules():
        address = re.sub(r"<(?:int:)?[^>]+>", "1", rule.rule)
        found += [(method, address, rule.endpoint) for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}]
    return found


def test_every_route_is_closed_unless_listed(app: Flask, visitor: FlaskClient) -> None:
    open_to_anyone = {"sign_in.form", "sign_in.submit", "sign_in.choose_language", "static", "health.healthz"}
    assert open_to_anyone == PUBLIC
    seen = _addresses(app)
    assert len(seen) >= 18
    for method, address, endpoint in seen:
        environ = {"REMOTE_ADDR": "10.0.0.7"}
        status = visitor.open(address, method=method, environ_overrides=environ).status_code
        if endpoint not in PUBLIC:
            assert status == 401, (method, address)


def test_every_closed_route_names_its_permission(app: Flask) -> None:
    for endpoint, view in app.view_functions.items():
        assert endpoint in PUBLIC or needed_by(view) is not None, endpoint


def test_a_route_without_a_permission_is_refused_to_everyone(
    app: Flask, sign_in: Callable[[Role], FlaskClient]
) -> None:
    app.add_url_rule("/forgotten", "forgotten", lambda: "secret")
    assert sign_in(Role.ADMIN).get("/forgotten").status_code == 403


def test_every_role_has_its_permissions() -> None:
    assert set(PERMISSIONS) == set(Role)
    assert PERMISSIONS[Role.ADMIN] == set(Permission)
    assert Permission.VIEW_QUARANTINE not in PERMISSIONS[Role.CLINICIAN]


def test_a_browser_is_sent_to_sign_in_and_back(app: Flask, visitor: FlaskClient) -> None:
    answer = visitor.get(f"/study/{UID}?series=4.5", headers=HTML)
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"/login?next=/study/{UID}%3Fseries%3D4.5"
    form = visitor.get(answer.headers["Location"], headers=HTML).text
    assert f'name="next" value="/study/{UID}?series=4.5"' in form
    login = {"username": "admin", "password": PASSWORD, "next": f"/study/{UID}?series=4.5"}
    assert visitor.post("/login", data=login).headers["Location"] == f"/study/{UID}?series=4.5"


def test_a_wrong_password_says_so_and_no_more(visitor: FlaskClient) -> None:
    pages = []
    for name in ("admin", "nobody"):
        answer = visitor.post("/login", data={"username": name, "password": "wrong"}, headers=HTML)
        assert answer.status_code == 401
        assert "Set-Cookie" not in answer.headers
        pages.append(answer.text.replace(name, ""))
    assert "Tên hoặc mật khẩu không đúng." in pages[0]
    assert pages[0] == pages[1]


def test_guessing_is_stopped(visitor: FlaskClient) -> None:
    wrong = {"username": "admin", "password": "wrong"}
    statuses = [visitor.post("/login", data=wrong).status_code for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    answer = visitor.post("/login", data={"username": "admin", "password": PASSWORD})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) >= 1


def test_the_cookie_is_out_of_reach(visitor: FlaskClient) -> None:
    login = {"username": "admin", "password": PASSWORD}
    cookie = visitor.post("/login", data=login).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie
    assert "Secure" in visitor.post("/login", data=login, base_url="https://localhost").headers["Set-Cookie"]
    behind_a_proxy = {"X-Forwarded-Proto": "https"}
    assert "Secure" in visitor.post("/login", data=login, headers=behind_a_proxy).headers["Set-Cookie"]


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "\\evil", "/a\nb", "javascript:x", "", "a"]
)
def test_no_open_redirect(visitor: FlaskClient, target: str) -> None:
    assert safe_next(target) == "/"
    login = {"username": "admin", "password": PASSWORD, "next": target}
    assert visitor.post("/login", data=login).headers["Location"] == "/"


def _token(client: FlaskClient) -> str:
    match = re.search(r'name="csrf_token" value="([0-9a-f]{64})"', client.get("/", headers=HTML).text)
    assert match is not None
    return match[1]


def test_signing_out_needs_the_forms_token_and_ends_the_session(client: FlaskClient) -> None:
    token = _token(client)
    assert client.post("/logout").status_code == 403
    assert client.post("/logout", data={"csrf_token": "0" * 64}).status_code == 403
    assert client.get("/").status_code == 200
    cookie = client.get_cookie("filmless_session")
    assert cookie is not None
    assert client.post("/logout", data={"csrf_token": token}).status_code == 303
    client.set_cookie("filmless_session", cookie.value)
    assert client.get("/").status_code == 401


def test_one_sessions_token_is_no_use_to_another(sign_in: Callable[[Role], FlaskClient]) -> None:
    first, second = sign_in(Role.ADMIN), sign_in(Role.ADMIN)
    assert second.post("/logout", data={"csrf_token": _token(first)}).status_code == 403


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_form_on_another_site_is_refused(visitor: FlaskClient, headers: dict[str, str]) -> None:
    login = {"username": "admin", "password": PASSWORD}
    assert visitor.post("/login", data=login, headers=headers).status_code == 403


def test_our_own_origin_is_accepted(visitor: FlaskClient) -> None:
    login = {"username": "admin", "password": PASSWORD}
    assert visitor.post("/login", data=login, headers={"Origin": "http://localhost"}).status_code == 303


def test_a_program_uses_a_token(data: Path, visitor: FlaskClient) -> None:
    with Records.open(data) as records:
        text = records.tokens.add("ris", Role.TECHNICIAN)
        headers = {"Authorization": f"Bearer {text}"}
        assert visitor.get("/", headers=headers).status_code == 200
        assert (
            visitor.get("/metrics", headers=headers, environ_overrides={"REMOTE_ADDR": "10.0.0.7"}).status_code == 403
        )
        records.tokens.revoke("ris")
    answer = visitor.get("/", headers={**headers, **HTML})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_program_uses_basic(visitor: FlaskClient) -> None:
    def basic(text: str) -> dict[str, str]:
        return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}

    assert visitor.get("/", headers=basic(f"admin:{PASSWORD}")).status_code == 200
    assert visitor.get("/", headers=basic("admin:wrong")).status_code == 401
    assert visitor.get("/", headers={"Authorization": "Basic !!!"}).status_code == 401


def test_a_session_cookie_does_not_stand_in_for_a_bad_token(client: FlaskClient) -> None:
    assert client.get("/", headers={"Authorization": "Bearer nonsense"}).status_code == 401


def test_metrics_are_for_this_computer_and_those_who_may(
    visitor: FlaskClient, sign_in: Callable[[Role], FlaskClient]
) -> None:
    assert visitor.get("/metrics").status_code == 200
    assert visitor.get("/metrics", headers={"X-Forwarded-For": "1.2.3.4"}).status_code == 401
    far = {"REMOTE_ADDR": "10.0.0.7"}
    assert visitor.get("/metrics", environ_overrides=far).status_code == 401
    assert sign_in(Role.CLINICIAN).get("/metrics", environ_overrides=far).status_code == 403
    text = sign_in(Role.ADMIN).get("/metrics", environ_overrides=far).text
    assert "\nfilmless_studies 0\n" in text
    assert 'filmless_http_requests_total{endpoint="health.metrics",status="4xx"} 3' in text


def test_quarantine_is_for_those_who_may(sign_in: Callable[[Role], FlaskClient]) -> None:
    assert sign_in(Role.TECHNICIAN).get("/quarantine").status_code == 200
    clinician = sign_in(Role.CLINICIAN)
    assert clinician.get("/quarantine").status_code == 403
    assert "/quarantine" not in clinician.get("/", headers=HTML).text


@pytest.mark.parametrize("address", ["/", "/login", "/nothing", "/static/filmless.css", "/healthz"])
def test_every_answer_carries_the_limits(client: FlaskClient, address: str) -> None:
    with client.get(address, headers=HTML) as answer:
        headers = answer.headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_pages_carry_no_inline_script_or_style(client: FlaskClient) -> None:
    for address in ("/", "/quarantine", "/login"):
        page = client.get(address, headers=HTML).text
        assert not re.search(r"\son\w+=|\sstyle=|<style", page)
        for script in re.findall(r"<script([^>]*)>", page):
            assert "src=" in script or "application/json" in script


def test_health_tells_what_is_missing(visitor: FlaskClient) -> None:
    answer = visitor.get("/healthz")
    assert answer.status_code == 503
    assert answer.json["index"] is True
    assert answer.json["dicom"] is False


def test_language_is_chosen_and_remembered(visitor: FlaskClient) -> None:
    assert 'lang="vi"' in visitor.get("/login").text
    assert 'lang="en"' in visitor.get("/login", headers={"Accept-Language": "en-GB"}).text
    assert 'lang="vi"' in visitor.get("/login", headers={"Accept-Language": "ja"}).text
    answer = visitor.post("/language", data={"language": "en", "next": "/login"})
    assert answer.headers["Location"] == "/login"
    assert "Sign in" in visitor.get("/login", headers={"Accept-Language": "vi"}).text
    assert visitor.post("/language", data={"language": "xx", "next": "//evil"}).headers["Location"] == "/"
