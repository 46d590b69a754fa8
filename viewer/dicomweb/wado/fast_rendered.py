"""Pictures of frames that are decoded already, in a window of the caller's choice, drawn without Flask.

What is drawn in half a millisecond is drawn where it is asked for, as another thread would take longer to come and go;
everything else in a thread.
"""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from urllib.parse import parse_qs

from storage.errors import StorageError
from storage.model import Instance
from viewer.at_once import may_wait
from viewer.dicomweb.errors import PREFIX
from viewer.dicomweb.media_types import MediaType, accepted, choose
from viewer.dicomweb.wado import parameters
from viewer.dicomweb.wado.forms import is_video
from viewer.dicomweb.wado.frames import read_list
from viewer.dicomweb.wado.parameters import Parameters
from viewer.dicomweb.wado.picture import JPEG, PNG, drawn, is_soon_drawn
from viewer.dicomweb.wado.quick import QuickWay, accept_of, kept_headers
from viewer.dicomweb.wado.rendered import OFFERED, etag_of_pictures
from viewer.documents import Kind, kind_of
from viewer.rendering import Prepared
from viewer.rsgi_types import HTTPProtocol, Scope
from viewer.services import Services
from viewer.sign_in_cache import SignInCache

_UID = r"([0-9.]{1,64})"
_PATH = re.compile(rf"{PREFIX}/studies/{_UID}/series/{_UID}/instances/{_UID}(?:/frames/([0-9]{{1,9}}))?/rendered")
_THREADS = 2
_QUEUED_MAX = 16


class FastRendered(QuickWay):
    """See the module's top."""

    def __init__(self, services: Services, sign_ins: SignInCache) -> None:
        super().__init__(services, sign_ins)
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="draw")
        self._queued = 0

    async def answer(self, scope: Scope, protocol: HTTPProtocol) -> bool:
        """Answer a request if it can be done at once; False leaves it untouched."""
        match = _PATH.fullmatch(scope.path) if scope.method == "GET" and scope.path.startswith(PREFIX) else None
        if match is None or self._queued >= _QUEUED_MAX or not await self.may_look(scope, match[1]):
            return False
        try:
            asked = _parameters(scope.query_string)
            instance = self.services.archive.instance(match[3])
            index = _index(instance, match[4])
        except (StorageError, ValueError):
            return False
        chosen = _chosen(accept_of(scope))
        belongs = (instance.study_instance_uid, instance.series_instance_uid) == (match[1], match[2])
        if asked is None or chosen is None or not belongs or not _is_image(instance):
            return False
        etag = etag_of_pictures([(instance, index)], asked, chosen)
        prepared = self.services.frames.prepared_at_hand(instance, index)
        if prepared is None or self.is_other(scope, etag):
            return False
        body = b"" if scope.headers.get("if-none-match") else await self._draw(prepared, asked, chosen.essence)
        if body is None:
            return False
        name = "wado_rendered.of_frames" if match[4] else "wado_rendered.of_instance"
        self.send(scope, protocol, kept_headers(chosen.essence, etag), body, name)
        return True

    async def _draw(self, prepared: Prepared, asked: Parameters, media_type: str) -> bytes | None:
        try:
            if is_soon_drawn(prepared, asked, media_type):
                return drawn(prepared, asked, media_type)
            return await self._draw_aside(prepared, asked, media_type)
        except StorageError:
            # A region outside of the image: Flask says so.
            return None

    async def _draw_aside(self, prepared: Prepared, asked: Parameters, media_type: str) -> bytes:
        await may_wait()
        self._queued += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, drawn, prepared, asked, media_type)
        finally:
            self._queued -= 1


def _index(instance: Instance, listed: str | None) -> int:
    """The frame that is meant, counted from 0; of an instance the middle one."""
    frames = max(instance.number_of_frames or 1, 1)
    number = frames // 2 + 1 if listed is None else read_list(listed)[0]
    if number > frames:
        raise ValueError(listed)
    return number - 1


def _parameters(query: str) -> Parameters | None:
    """What is asked for; None where that takes more than the frame. `ValueError` where it cannot be understood."""
    args = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True, strict_parsing=False).items()}
    asked = parameters.read(args)
    return None if "accept" in args or asked.annotation or asked.profile != "no" else asked


def _is_image(instance: Instance) -> bool:
    return kind_of(instance) is Kind.IMAGE and not is_video(instance.transfer_syntax_uid)


@lru_cache(maxsize=256)
def _chosen(accept: str) -> MediaType | None:
    ranges = accepted(None, accept)
    if any(wanted.type == "video" for wanted in ranges):
        return None  # what can be had as a video is for Flask to say
    chosen = choose(ranges, OFFERED)
    return chosen if chosen is not None and chosen.essence in (JPEG, PNG) else None
