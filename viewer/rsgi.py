"""The RSGI application of one web process: live events answered here, everything else handed to Flask."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from multiprocessing.synchronize import Event
from typing import Any
from urllib.parse import parse_qs

from granian.rsgi import ProtocolClosed  # type: ignore[attr-defined]

from viewer.app import create_app
from viewer.at_once import answer_first, done_at_once
from viewer.config import ViewerSettings
from viewer.dicomweb.wado.fast_frames import FastFrames
from viewer.dicomweb.wado.fast_rendered import FastRendered
from viewer.dicomweb.wado.fast_thumbnails import FastThumbnails
from viewer.live import LiveStudies
from viewer.permissions import Permission, may
from viewer.rsgi_types import HTTPProtocol, Scope
from viewer.services import services_of
from viewer.sign_in_cache import SignInCache, look_up
from viewer.uploads import is_upload
from viewer.wsgi_adapter import WsgiAdapter

STUDY_EVENTS = "/events/studies"
LIVE_SECONDS = 300.0
"""A live list is closed after so long and comes back by itself: Granian queues what a dead client does not take."""
RETRY_MS = 2000

DRAIN_MAX = 256 << 20
"""Of a request that is refused, so much is read all the same, so that its sender comes to hear why."""

_EVENT_HEADERS = [
    ("content-type", "text/event-stream; charset=utf-8"),
    ("cache-control", "no-store"),
    ("x-accel-buffering", "no"),
    ("x-content-type-options", "nosniff"),
]


class Application:
    """Made once per worker process, by `load`."""

    def __init__(self, settings: ViewerSettings, stopping: Event) -> None:
        app = create_app(settings)
        self._settings = settings
        self._stopping = stopping
        self._services = services_of(app)
        self._live = LiveStudies(self._services.archive, settings.poll_seconds)
        self._flask = WsgiAdapter(app.wsgi_app, settings.threads, settings.waiting, settings.body_max_bytes)
        # Bodies of any size, read as they come and bounded by the views; slow ones keep no thread from pages.
        self._uploads = WsgiAdapter(app.wsgi_app, settings.store_threads, settings.waiting, sys.maxsize, DRAIN_MAX)
        sign_ins = SignInCache(self._services.records)
        self._quick = tuple(way(self._services, sign_ins) for way in (FastFrames, FastRendered, FastThumbnails))
        self._closing = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to watch the archive and the parent process, and to answer before the loop what can be."""
        answer_first(loop, self.answered_at_once)
        self._tasks = [loop.create_task(self._live.poll()), loop.create_task(self._watch(os.getppid()))]

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close what this process opened."""
        for task in self._tasks:
            task.cancel()
        self._flask.close()
        self._uploads.close()
        self._services.close()

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer one request."""
        if scope.path == STUDY_EVENTS and scope.method == "GET":
            await self._study_events(scope, protocol)
        elif is_upload(scope.method, scope.path):
            await self._uploads(scope, protocol)
        else:
            for way in self._quick:
                if await way.answer(scope, protocol):
                    return
            await self._flask(scope, protocol)

    def answered_at_once(self, scope: Scope, protocol: HTTPProtocol) -> bool:
        """Answer a request if nothing has to be waited for; False leaves it untouched."""
        return scope.method == "GET" and any(done_at_once(way.answer(scope, protocol)) for way in self._quick)

    async def _watch(self, parent: int) -> None:
        """Notice that the server is to stop: streams end at once, so that a graceful stop is a quick one.

        A parent that was killed cannot say so; its worker would keep the port for ever.
        """
        while not self._stopping.is_set():
            await asyncio.sleep(0.1)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)
                break
        self._closing.set()

    async def _study_events(self, scope: Scope, protocol: HTTPProtocol) -> None:
        if not await asyncio.to_thread(self._may_listen, scope):
            protocol.response_str(401, [("content-type", "text/plain")], "Please sign in\n")
            return
        if self._live.count >= self._settings.live_lists_max:
            protocol.response_str(503, [("content-type", "text/plain"), ("retry-after", "10")], "Too many lists\n")
            return
        queue = self._live.subscribe()
        left = asyncio.ensure_future(protocol.client_disconnect())
        closing = asyncio.ensure_future(self._closing.wait())
        try:
            with contextlib.suppress(ProtocolClosed):
                await self._stream(scope, protocol, queue, left, closing)
        finally:
            self._live.unsubscribe(queue)
            left.cancel()
            closing.cancel()

    async def _stream(
        self,
        scope: Scope,
        protocol: HTTPProtocol,
        queue: asyncio.Queue[str],
        left: asyncio.Future[Any],
        closing: asyncio.Future[Any],
    ) -> None:
        loop = asyncio.get_running_loop()
        transport = protocol.response_stream(200, _EVENT_HEADERS)
        await transport.send_str(f"retry: {RETRY_MS}\n\n" + await self._live.since(_seen(scope)))
        end = loop.time() + LIVE_SECONDS
        beat = self._settings.heartbeat_seconds
        look_at = loop.time() + beat
        news: asyncio.Future[Any] = asyncio.ensure_future(queue.get())
        try:
            while not (left.done() or closing.done()) and loop.time() < end:
                until = max(0.0, look_at - loop.time())
                await asyncio.wait({news, left, closing}, timeout=until, return_when=asyncio.FIRST_COMPLETED)
                # However much news there is: who has signed out hears no more of it.
                if loop.time() >= look_at:
                    if not await asyncio.to_thread(self._may_listen, scope):
                        return
                    look_at = loop.time() + beat
                    await transport.send_str(": still here\n\n")
                if news.done():
                    await transport.send_str(news.result())
                    news = asyncio.ensure_future(queue.get())
        finally:
            news.cancel()

    def _may_listen(self, scope: Scope) -> bool:
        """Tell whether the caller may hear of studies; looking does not keep a session from going idle."""
        authorization, cookie = scope.headers.get("authorization") or "", "; ".join(scope.headers.get_all("cookie"))
        who = look_up(self._services.records, authorization, cookie, touch=False)
        return who is not None and may(who.role, Permission.VIEW_STUDIES)


def load(settings: ViewerSettings, stopping: Event) -> Application:
    """Make the application inside a worker process."""
    application = Application(settings, stopping)
    # A search for garbage among all that was made by now stops every thread for some 60 ms, and finds nothing.
    gc.collect()
    gc.freeze()
    return application


def _seen(scope: Scope) -> int:
    """Return the newest revision that the list knows: of its last event, else of its rows."""
    asked = parse_qs(scope.query_string).get("since", [""])[-1]
    value = scope.headers.get("last-event-id") or asked
    # 63 bits is what SQLite compares.
    return int(value) if value.isascii() and value.isdigit() and len(value) <= 18 else 1 << 62
