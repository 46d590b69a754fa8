"""What ways past Flask have in common: who may, the fixed header fields, and what is already known to the caller.

A way answers only what it can answer as Flask would, and at once; everything else it leaves untouched, refusals too.
"""

from __future__ import annotations

from viewer.cors import shared_headers
from viewer.etags import KEEP_SECONDS, SIGN_IN_FIELDS
from viewer.permissions import Permission, may
from viewer.rsgi_types import HTTPProtocol, Scope
from viewer.security import fixed_headers
from viewer.services import Services
from viewer.sign_in_cache import SignInCache

Headers = list[tuple[str, str]]
ACCEPT_MAX = 1024
"""Longer lists of media types are left to Flask, which remembers nothing of them."""


class QuickWay:
    """One per process; asked before the event loop (see `at_once`), then in it, by two threads that is."""

    def __init__(self, services: Services, sign_ins: SignInCache) -> None:
        self.services = services
        self._sign_ins = sign_ins
        hsts = services.settings.hsts_days
        self._fixed: dict[str, Headers] = {
            scheme: [(name.lower(), value) for name, value in fixed_headers(days)]
            for scheme, days in (("http", 0), ("https", hsts))
        }

    async def answer(self, scope: Scope, protocol: HTTPProtocol) -> bool:
        """Answer a request if it can be done at once; False leaves it untouched.

        What may have to be waited for comes after `may_wait`.
        """
        raise NotImplementedError

    async def may_look(self, scope: Scope, study_instance_uid: str) -> bool:
        """Tell whether the caller may look at a study, and that is written down already (see `look_log`)."""
        if len(accept_of(scope)) > ACCEPT_MAX or not self._may_read(scope):
            return False
        who = await self._sign_ins.identity(scope)
        if who is None or not may(who.role, Permission.VIEW_STUDIES):
            return False
        address = scope.client.rpartition(":")[0].strip("[]")
        return self.services.looks.is_known(who, study_instance_uid, address)

    def _may_read(self, scope: Scope) -> bool:
        """Tell whether the answer is for a page of ours, for no page, or for one of a welcome origin."""
        origin = scope.headers.get("origin")
        return origin is None or origin in self.services.settings.cors_origins

    def is_other(self, scope: Scope, etag: str) -> bool:
        """Tell whether the request names ETags in a way that is left to Flask."""
        known = scope.headers.get("if-none-match")
        return known is not None and known.removeprefix("W/") != f'"{etag}"'

    def send(self, scope: Scope, protocol: HTTPProtocol, headers: Headers, body: bytes | bytearray, name: str) -> None:
        """Send a body, or no more than its header fields to one who has it already (`is_other` is False)."""
        status = 200 if scope.headers.get("if-none-match") is None else 304
        every = [*headers, *self._fixed[scope.scheme]]
        welcome = self.services.settings.cors_origins
        if welcome:
            every += [("vary", "Origin"), *shared_headers(scope.headers.get("origin"), welcome)]
        if status == 304:
            protocol.response_empty(304, every)
        else:
            protocol.response_bytes(200, every, body)
        self.services.requests.add(name, status)


def kept_headers(content_type: str, etag: str) -> Headers:
    """Return the header fields of an answer that its caller may keep."""
    return [
        ("content-type", content_type),
        ("etag", f'"{etag}"'),
        ("cache-control", f"private, max-age={KEEP_SECONDS}"),
        ("vary", ", ".join(("Accept", *SIGN_IN_FIELDS))),
    ]


def accept_of(scope: Scope) -> str:
    """Return the Accept field of a request."""
    return ",".join(scope.headers.get_all("accept"))
