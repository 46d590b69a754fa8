"""Flask (WSGI, PEP 3333) under Granian's RSGI: one asynchronous request in, one call in a bounded thread pool.

Facts this rests on, tried with Granian 2.8:
- `scope.path` is percent-decoded UTF-8; PEP 3333 wants those bytes as Latin-1.
- `async for chunk in protocol` yields the body as it arrives; not asking for more holds the sender back (see
  `request_body`).
- `send_bytes` of a streamed response never waits for a slow client: it queues in memory without a limit. So a body is
  handed over whole, and is at most `BODY_MAX` long; anything larger has to be a file, which Granian reads from the disk
  as fast as the client takes it, and without a thread of ours, or a `StreamBody`, which has a thread until it is sent.
- Granian opens such a file a second time, and answers 404 where it cannot, as when file descriptors ran out. A browser
  then takes a page's script for missing, so files that are small are read here, where a failure is a 500 in the log.
"""

from __future__ import annotations

import asyncio
import io
import logging
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, BinaryIO
from wsgiref.types import WSGIApplication

from viewer.collecting import Collector, may_have_body, refuse
from viewer.request_body import RequestBody
from viewer.request_chunks import Chunks, announced
from viewer.rsgi_types import HTTPProtocol, Scope
from viewer.slots import Slots
from viewer.streaming import ClientGone, Numbers, Pipe, Stopping, StreamBody

log = logging.getLogger("filmless.viewer")

BODY_MAX = 64 << 20
SMALL_FILE = 1 << 20
"""Files up to here are read from the open file, as a script or a style sheet is."""
STREAMS = 384
"""Streamed responses under way at once in one process, each with a thread and a pipe; more wait.

A reader on a slow network has three of them for minutes.
"""

_NO_BODY = frozenset({204, 304})
_Headers = list[tuple[str, str]]


class FileBody:
    """What `wsgi.file_wrapper` returns: a file on the disk that the server can send by itself."""

    def __init__(self, file: BinaryIO, block_size: int = 1 << 16) -> None:
        self.file = file
        self._block_size = block_size

    @property
    def path(self) -> str | None:
        """The path of a large file; None for a small one, and for what is no file or has been read from already."""
        name = getattr(self.file, "name", None)
        if not isinstance(name, str) or self.file.tell() != 0:
            return None
        return name if os.fstat(self.file.fileno()).st_size > SMALL_FILE else None

    def __iter__(self) -> Iterable[bytes]:
        while block := self.file.read(self._block_size):
            yield block

    def close(self) -> None:
        """Close the file."""
        self.file.close()


@dataclass(slots=True)
class Answer:
    """What the application answered: status, headers and either bytes, a file's path or a stream."""

    status: int = 500
    headers: _Headers = field(default_factory=list)
    body: bytes = b""
    path: str | None = None
    stream: StreamBody | None = None


class WsgiAdapter:
    """Runs a WSGI application for RSGI requests; `close` ends its threads."""

    def __init__(self, app: WSGIApplication, threads: int, waiting: int, request_max: int, drain_max: int = 0) -> None:
        self._app = app
        self._drain_max = drain_max
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="web")
        self._slots = Slots(threads, waiting)
        self._stream_pool = ThreadPoolExecutor(STREAMS, thread_name_prefix="stream")
        self._stream_slots = Slots(STREAMS, waiting)
        self._numbers = Numbers()
        self._stopping = threading.Event()
        self._request_max = request_max
        self._collector = Collector(request_max)

    def close(self) -> None:
        """Let running requests end, break streams off, start no other."""
        self._stopping.set()
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._stream_pool.shutdown(wait=False, cancel_futures=True)

    async def __call__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer one request."""
        if announced(scope) > self._request_max:
            refuse(protocol, 413, "Request too large\n")
            return
        if self._slots.is_full:
            _send_busy(protocol)
            return
        if self._drain_max or not may_have_body(scope):
            with closing(Chunks(scope, protocol)) as chunks:
                await self._answer(scope, protocol, chunks)
            return
        async with self._collector.whole(scope, protocol) as body:
            if body is not None:
                await self._answer(scope, protocol, body)

    async def _answer(self, scope: Scope, protocol: HTTPProtocol, chunks: AsyncIterator[bytes]) -> None:
        if not await self._slots.take(protocol):
            return
        loop = asyncio.get_running_loop()
        body = RequestBody(chunks, loop, self._request_max)
        try:
            try:
                answer = await loop.run_in_executor(self._pool, self._call, environ_of(scope, body))
            finally:
                self._slots.give_back()
            # Without the slot: who is refused and goes on sending keeps nobody from being answered.
            await body.drain(self._drain_max)
        finally:
            body.stop()
        if answer.stream is not None and scope.method != "HEAD":
            await self.stream(answer.status, answer.headers, answer.stream, protocol)
        else:
            _send(answer, protocol, is_head=scope.method == "HEAD")

    async def stream(self, status: int, headers: _Headers, body: StreamBody, protocol: HTTPProtocol) -> None:
        """Answer with a streamed body; returns when it is sent or the client is gone."""
        if self._stream_slots.is_full:
            body.close()
            _send_busy(protocol)
            return
        if not await self._stream_slots.take(protocol):
            body.close()
            return
        try:
            pipe = Pipe(self._numbers)
            protocol.response_file(status, headers, pipe.path)
            # The thread closes the pipe: this task may be cancelled while it is at work.
            await asyncio.get_running_loop().run_in_executor(self._stream_pool, self._pump, pipe, body)
        finally:
            self._stream_slots.give_back()

    def _pump(self, pipe: Pipe, body: StreamBody) -> None:
        try:
            with pipe:
                pipe.send(body, self._stopping)
        except (ClientGone, Stopping):
            pass
        except Exception:
            # Whatever it is, headers have gone out: all that is left is to break off, and to say so here.
            log.exception("a streamed answer broke off")

    def _call(self, environ: dict[str, Any]) -> Answer:
        try:
            return _run(self._app, environ)
        except Exception:
            log.exception("%s %s failed outside the app", environ["REQUEST_METHOD"], environ["PATH_INFO"])
            return Answer(500, [("content-type", "text/plain; charset=utf-8")], b"Internal error\n")


def environ_of(scope: Scope, body: RequestBody) -> dict[str, Any]:
    """Return the environment of PEP 3333 for a request."""
    host, _, port = scope.server.rpartition(":")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": host.strip("[]"),
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.input": io.BufferedReader(body),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": FileBody,
    }
    if scope.authority:
        environ["HTTP_HOST"] = scope.authority
    for name, value in scope.headers.items():
        _add_header(environ, name, value)
    return environ


def _add_header(environ: dict[str, Any], name: str, value: str) -> None:
    # `X_A` and `X-A` would become one variable: the underscore form is how headers are smuggled past proxies.
    if "_" in name:
        return
    key = name.upper().replace("-", "_")
    if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        key = f"HTTP_{key}"
    if key in environ and key != "HTTP_HOST":
        value = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{value}"
    environ[key] = value


def _run(app: WSGIApplication, environ: dict[str, Any]) -> Answer:
    answer = Answer()
    written = bytearray()

    def start_response(status: str, headers: _Headers, exc_info: Any = None) -> Callable[[bytes], object]:
        answer.status = int(status.split(" ", 1)[0])
        answer.headers = [(name.lower(), value) for name, value in headers]
        return written.extend

    result = app(environ, start_response)
    if isinstance(result, StreamBody):
        answer.stream = result
        return answer
    try:
        if isinstance(result, FileBody) and result.path is not None:
            answer.path = result.path
        else:
            for chunk in result:
                written += chunk
                if len(written) > BODY_MAX:
                    raise ValueError(f"a response of more than {BODY_MAX} bytes has to be a file")
            answer.body = bytes(written)
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()
    return answer


def _send_busy(protocol: HTTPProtocol) -> None:
    protocol.response_str(503, [("content-type", "text/plain"), ("retry-after", "1")], "Busy, try again\n")


def _send(answer: Answer, protocol: HTTPProtocol, *, is_head: bool) -> None:
    if is_head or answer.status in _NO_BODY or answer.status < 200:
        protocol.response_empty(answer.status, answer.headers)
    elif answer.path is not None:
        protocol.response_file(answer.status, answer.headers, answer.path)
    else:
        protocol.response_bytes(answer.status, answer.headers, answer.body)
