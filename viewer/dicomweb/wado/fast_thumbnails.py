"""Thumbnails that Flask has answered before, sent again from the event loop while their study is the same."""

from __future__ import annotations

from viewer.answer_memo import Answer
from viewer.permissions import Permission, may
from viewer.rsgi_types import HTTPProtocol, Scope
from viewer.security import fixed_headers
from viewer.services import Services
from viewer.sign_in_cache import SignInCache

SUFFIX = "/thumbnail"


class FastThumbnails:
    """One per process, used from its event loop only."""

    def __init__(self, services: Services, sign_ins: SignInCache) -> None:
        self._services = services
        self._sign_ins = sign_ins
        hsts = services.settings.hsts_days
        self._headers = {
            scheme: [(name.lower(), value) for name, value in fixed_headers(days)]
            for scheme, days in (("http", 0), ("https", hsts))
        }

    async def answer(self, scope: Scope, protocol: HTTPProtocol) -> bool:
        """Answer a request if it can be done at once; False leaves it untouched."""
        if not scope.path.endswith(SUFFIX) or scope.method != "GET" or scope.headers.get("origin") is not None:
            return False
        kept = self._services.memo.get((scope.path, scope.query_string, ",".join(scope.headers.get_all("accept"))))
        if kept is None:
            return False
        who = await self._sign_ins.identity(scope)
        if who is None or not may(who.role, Permission.VIEW_STUDIES):
            return False
        address = scope.client.rpartition(":")[0].strip("[]")
        if not self._services.looks.is_known(who, kept.study_instance_uid, address):
            return False
        if self._services.archive.index.study_revision(kept.study_instance_uid) != kept.revision:
            return False
        return self._send(scope, protocol, kept)

    def _send(self, scope: Scope, protocol: HTTPProtocol, kept: Answer) -> bool:
        headers = [*kept.headers, *self._headers[scope.scheme]]
        known = scope.headers.get("if-none-match")
        if known is None:
            protocol.response_bytes(200, headers, kept.body)
        elif known.removeprefix("W/") == f'"{kept.etag}"':
            protocol.response_empty(304, headers)
        else:
            return False
        self._services.requests.add(kept.endpoint, 200 if known is None else 304)
        return True
