"""Frames that are stored as asked, or were made before, answered where they are asked for: no other thread, no Flask.

Reading from the page cache takes less time than handing the request to a thread; what is not there is read in one. Left
to Flask are frames that are still to be made, somebody who has to be looked up by password, another site's request, and
everything that is to be refused; so what is answered here is only what Flask would answer, too.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from storage.errors import StorageError
from storage.model import Instance
from viewer.at_once import may_wait
from viewer.dicomweb import multipart
from viewer.dicomweb.errors import PREFIX
from viewer.dicomweb.media_types import MediaType, accepted
from viewer.dicomweb.wado.forms import Form, choose_frame_form
from viewer.dicomweb.wado.frames import Body, etag_of_frames, read_list
from viewer.dicomweb.wado.quick import QuickWay, accept_of, kept_headers
from viewer.rsgi_types import HTTPProtocol, Scope
from viewer.services import Services
from viewer.sign_in_cache import SignInCache
from viewer.streaming import FileSpan, Piece, length_of, read_at_once, read_into

BODY_MAX = 8 << 20
LIST_MAX = 64
READING_MAX = 16
_UID = r"([0-9.]{1,64})"
_PATH = re.compile(rf"{PREFIX}/studies/{_UID}/series/{_UID}/instances/{_UID}/frames/([0-9,]{{1,256}})")
_ENDPOINT = "wado_frames.frames"


_Find = Callable[[Instance, int, str], Sequence[Piece] | None]


class FastFrames(QuickWay):
    """See the module's top."""

    def __init__(self, services: Services, sign_ins: SignInCache) -> None:
        super().__init__(services, sign_ins)
        self._reading = 0

    async def answer(self, scope: Scope, protocol: HTTPProtocol) -> bool:
        """Answer a request if it can be done at once; False leaves it untouched."""
        if scope.method != "GET" or not scope.path.startswith(PREFIX) or scope.query_string:
            return False
        match = _PATH.fullmatch(scope.path)
        if match is None or not await self.may_look(scope, match[1]):
            return False
        study, series, sop_instance_uid, listed = match.groups()
        try:
            return await self._answer(scope, protocol, (study, series, sop_instance_uid), listed)
        except (StorageError, ValueError, OSError, EOFError):
            # Flask finds the same, and says it in its words.
            return False

    async def _answer(self, scope: Scope, protocol: HTTPProtocol, uids: tuple[str, str, str], listed: str) -> bool:
        instance = self.services.archive.instance(uids[2])
        if (instance.study_instance_uid, instance.series_instance_uid) != uids[:2]:
            return False
        numbers = read_list(listed)
        form = _form(accept_of(scope), instance.transfer_syntax_uid, len(numbers) == 1)
        if form is None or len(numbers) > LIST_MAX:
            return False
        etag = etag_of_frames(instance, listed, form)
        if self.is_other(scope, etag):
            return False
        body = Body(self.services.frame_store, instance, numbers, form, etag)
        data = _whole(body, body.store.at_hand, read_at_once) or await self._read(body)
        if data is None:
            return False
        self.send(scope, protocol, kept_headers(body.content_type, etag), data, _ENDPOINT)
        return True

    async def _read(self, body: Body) -> bytearray | None:
        """Read a body in a thread, where the disk may be waited for; None where it is not stored as asked."""
        await may_wait()
        if self._reading >= READING_MAX:
            return None
        self._reading += 1
        try:
            return await asyncio.to_thread(_whole, body, body.store.stored, read_into)
        finally:
            self._reading -= 1


def _whole(body: Body, find: _Find, fill: Callable[[FileSpan, memoryview], bool]) -> bytearray | None:
    """Return a whole body; None where a frame is not found this way, cannot be read, or the body is too large."""
    pieces: list[Piece] = []
    for number in body.numbers:
        found = find(body.instance, number - 1, body.form.transfer_syntax_uid)
        if found is None:
            return None
        if body.form.is_multipart:
            pieces.append(body.head(sum(map(length_of, found))))
        pieces += found
    if body.form.is_multipart:
        pieces.append(multipart.end(body.boundary))
    total = sum(map(length_of, pieces))
    if total > BODY_MAX:
        return None
    data = bytearray(total)
    view, at = memoryview(data), 0
    for piece in pieces:
        end = at + length_of(piece)
        if isinstance(piece, bytes):
            view[at:end] = piece
        elif not fill(piece, view[at:end]):
            return None
        at = end
    return data


@lru_cache(maxsize=1024)
def _form(accept: str, stored: str, is_single: bool) -> Form | None:
    return choose_frame_form(_ranges(accept), stored, is_single)


def _ranges(accept: str) -> tuple[MediaType, ...]:
    return accepted(None, accept)
