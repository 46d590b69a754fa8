"""Who sends a request that Flask does not see: looked up as `viewer.auth` does, and remembered for a second.

A client that asks for hundreds of frames a second is looked up once a second; a session that ended, a token that was
revoked and a role that changed count after that.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import time
from collections import OrderedDict

from werkzeug.http import parse_cookie

from storage.records import Identity, Records
from viewer.at_once import may_wait
from viewer.auth import COOKIE
from viewer.rsgi_types import Scope

SECONDS = 1.0
KEPT_MAX = 1024
KEY_MAX = 4096
"""Longer header fields are looked up each time: what is kept for callers stays small."""


class SignInCache:
    """One per process; filled from its event loop only, looked into from other threads, too (see `at_once`)."""

    def __init__(self, records: Records) -> None:
        self._records = records
        self._kept: OrderedDict[tuple[str, str], tuple[float, Identity]] = OrderedDict()

    async def identity(self, scope: Scope) -> Identity | None:
        """Return who sends a request; None for nobody, and for a password that has not been checked lately."""
        authorization = scope.headers.get("authorization") or ""
        cookie = "" if authorization else "; ".join(scope.headers.get_all("cookie"))
        key = (authorization, cookie)
        kept = self._kept.get(key)
        if kept is not None and kept[0] > time.monotonic():
            return kept[1]
        await may_wait()
        found = await asyncio.to_thread(look_up, self._records, authorization, cookie)
        if found is not None and len(authorization) + len(cookie) <= KEY_MAX:
            self._kept[key] = (time.monotonic() + SECONDS, found)
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        return found


def look_up(records: Records, authorization: str, cookie: str, *, touch: bool = True) -> Identity | None:
    """Return whom the header fields stand for; `touch` False does not keep a session from going idle."""
    scheme, _, text = authorization.partition(" ")
    match scheme.lower():
        case "":
            token = parse_cookie(cookie).get(COOKIE)
            session = records.sessions.find(token, touch=touch) if token else None
            return session.identity if session else None
        case "bearer":
            return records.tokens.find(text.strip())
        case "basic":
            return _remembered(records, text)
        case _:
            return None


def _remembered(records: Records, text: str) -> Identity | None:
    try:
        name, colon, password = base64.b64decode(text, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return records.recall(name, password) if colon else None
