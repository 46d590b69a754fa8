"""WSGI under RSGI, and the fan-out of live events, without sockets."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from storage.archive import Archive
from storage.rejection import Reason, Target
from tests.support.objects import ct, store
from tests.support.rsgi import Client, scope
from viewer import collecting
from viewer.live import CHANGES_MAX, QUEUE_MAX, RELOAD, LiveStudies
from viewer.wsgi_adapter import BODY_MAX, SMALL_FILE, WsgiAdapter


def ask(app: Any, request: Any, client: Client | None = None, threads: int = 2, limit: int = 1000) -> tuple[Any, ...]:
    async def run() -> tuple[Any, ...]:
        adapter = WsgiAdapter(app, threads=threads, waiting=1, request_max=limit)
        protocol = client or Client()
        await adapter(request, protocol)  # type: ignore[arg-type]
        adapter.close()
        return protocol.answer

    return asyncio.run(run())


def test_the_environment_is_that_of_pep_3333() -> None:
    seen: dict[str, Any] = {}

    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        seen.update(environ)
        start("200 OK", [("X-A", "1")])
        return [b"a", b"b"]

    headers = [("cookie", "a=1"), ("cookie", "b=2"), ("x-y", "1"), ("x-y", "2"), ("x_y", "smuggled"),
               ("content-type", "text/plain"), ("host", "h")]  # fmt: skip
    answer = ask(app, scope(path="/đ/x", headers=headers, query_string="q=%20", client="[::1]:9"))
    assert answer == ("response_bytes", 200, [("x-a", "1")], b"ab")
    assert seen["PATH_INFO"].encode("latin-1").decode() == "/đ/x"
    assert (seen["HTTP_COOKIE"], seen["HTTP_X_Y"], seen["CONTENT_TYPE"]) == ("a=1; b=2", "1,2", "text/plain")
    assert (seen["REMOTE_ADDR"], seen["wsgi.url_scheme"], seen["QUERY_STRING"]) == ("::1", "https", "q=%20")


@pytest.mark.parametrize(("method", "status"), [("HEAD", "200 OK"), ("GET", "204 No Content"), ("GET", "304 Not Mod")])
def test_some_answers_have_no_body(method: str, status: str) -> None:
    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        start(status, [])
        return [b"body"]

    assert ask(app, scope(method))[0] == "response_empty"


def test_the_body_is_read_chunk_by_chunk_and_ended() -> None:
    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [])
        return [environ["wsgi.input"].read(3), b"|", environ["wsgi.input"].read()]

    assert ask(app, scope("POST"), Client([b"ab", b"", b"cdef"]))[3] == b"abc|def"


def test_a_body_past_the_limit_is_refused_announced_or_not() -> None:
    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        start("200 OK", [])
        return [environ["wsgi.input"].read()]

    assert ask(app, scope("POST", headers=[("content-length", "1001")]))[1] == 413
    assert ask(app, scope("POST"), Client([b"x" * 600] * 2))[1] == 413


class Endless(Client):
    """Sends the beginning of a body, and no more."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"x"
        await self.left.wait()


def _answers_while_another_sends(adapter: WsgiAdapter) -> tuple[Any, ...]:
    async def run() -> tuple[Any, ...]:
        slow, quick = Endless(), Client()
        waiting = asyncio.create_task(adapter(scope("POST", headers=[("content-length", "9")]), slow))  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
        await asyncio.wait_for(adapter(scope(), quick), 60)  # type: ignore[arg-type]
        assert slow.answer == ()
        waiting.cancel()
        adapter.close()
        return quick.answer

    return asyncio.run(run())


def _reads_all(environ: dict[str, Any], start: Any) -> list[bytes]:
    start("200 OK", [])
    return [environ["wsgi.input"].read()]


def _refuses(environ: dict[str, Any], start: Any) -> list[bytes]:
    start("403 Forbidden", [])
    return [b"no"]


def test_a_body_that_is_still_to_come_has_no_thread() -> None:
    adapter = WsgiAdapter(_reads_all, threads=1, waiting=1, request_max=1000)  # type: ignore[arg-type]
    assert _answers_while_another_sends(adapter)[1] == 200


def test_a_refused_body_that_is_still_to_come_has_no_thread() -> None:
    adapter = WsgiAdapter(_refuses, threads=1, waiting=1, request_max=1000, drain_max=1000)  # type: ignore[arg-type]
    assert _answers_while_another_sends(adapter)[1] == 403


def test_a_body_that_does_not_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "SECONDS", 0.05)
    assert ask(_reads_all, scope("POST"), Endless())[1] == 408


def test_bodies_that_are_collected_at_once_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "HELD_MAX", 100)
    assert ask(_reads_all, scope("POST"), Client([b"x" * 60] * 2))[1] == 503
    assert ask(_reads_all, scope("POST"), Client([b"x" * 50] * 2))[1] == 200

    async def run() -> list[int]:
        adapter = WsgiAdapter(_reads_all, threads=1, waiting=9, request_max=1000)  # type: ignore[arg-type]
        clients = [Client([b"x" * 60]) for _ in range(5)]
        for client in clients:
            await adapter(scope("POST"), client)  # type: ignore[arg-type]
        adapter.close()
        return [client.answer[1] for client in clients]

    assert asyncio.run(run()) == [200] * 5


def test_what_its_sender_did_not_end_is_not_taken_for_whole() -> None:
    called: list[bool] = []

    def app(environ: dict[str, Any], start: Any) -> list[bytes]:
        called.append(True)
        return _reads_all(environ, start)

    assert ask(app, scope("POST", headers=[("content-length", "9")]), Client([b"x"] * 8))[1] == 400
    assert called == []
    assert ask(app, scope("POST", headers=[("content-length", "8")]), Client([b"x"] * 8))[3] == b"x" * 8


def test_a_body_that_nobody_reads_has_no_thread_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "SECONDS", 0.05)
    for told in (("content-length", "9"), ("transfer-encoding", "chunked")):
        assert ask(_reads_all, scope("GET", headers=[told]), Endless())[1] == 408


@pytest.mark.parametrize("length", ["x", "-5", "1e3", "٣", "9" * 30, ""])
def test_a_length_that_is_none_is_passed_over(length: str) -> None:
    assert ask(_reads_all, scope("POST", headers=[("content-length", length)]), Client([b"x"]))[3] == b"x"


def test_a_refusal_closes_the_connection_and_says_when_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    large = ask(_reads_all, scope("POST"), Client([b"x" * 1001]))
    assert ("connection", "close") in large[2]
    assert "retry-after" not in dict(large[2])
    monkeypatch.setattr(collecting, "HELD_MAX", 10)
    busy = ask(_reads_all, scope("POST"), Client([b"x" * 11]))
    assert (busy[1], dict(busy[2])["retry-after"], dict(busy[2])["connection"]) == (503, "1", "close")


def test_an_exception_is_500_and_the_iterable_is_closed() -> None:
    closed: list[bool] = []

    class Broken:
        def __iter__(self) -> Any:
            yield b"a"
            raise RuntimeError("broken")

        def close(self) -> None:
            closed.append(True)

    def app(environ: dict[str, Any], start: Any) -> Any:
        start("200 OK", [])
        return Broken()

    assert ask(app, scope())[1] == 500
    assert closed == [True]


def test_a_body_without_end_is_cut_off() -> None:
    def app(environ: dict[str, Any], start: Any) -> Any:
        start("200 OK", [])
        return iter(lambda: bytes(1 << 20), None)

    assert ask(app, scope())[1] == 500
    assert BODY_MAX <= 64 << 20


def ask_for_file(path: Path) -> tuple[Any, ...]:
    def app(environ: dict[str, Any], start: Any) -> Any:
        start("200 OK", [("Content-Length", str(path.stat().st_size))])
        return environ["wsgi.file_wrapper"](path.open("rb"))

    return ask(app, scope())


def test_a_large_file_is_handed_over_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(SMALL_FILE + 1))
    assert ask_for_file(path)[::3] == ("response_file", str(path))


def test_a_small_file_is_read_here_so_that_the_server_cannot_miss_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(SMALL_FILE))
    assert ask_for_file(path)[::3] == ("response_bytes", path.read_bytes())


def test_too_many_waiting_are_sent_away_and_who_left_is_not_served() -> None:
    served: list[str] = []

    async def run() -> list[tuple[Any, ...]]:
        release = asyncio.Event()
        loop = asyncio.get_running_loop()

        def app(environ: dict[str, Any], start: Any) -> list[bytes]:
            served.append(environ["PATH_INFO"])
            asyncio.run_coroutine_threadsafe(release.wait(), loop).result(10)
            start("200 OK", [])
            return [b"x"]

        adapter = WsgiAdapter(app, threads=1, waiting=1, request_max=10)  # type: ignore[arg-type]
        clients = [Client() for _ in range(3)]
        tasks = []
        for i, client in enumerate(clients):
            tasks.append(asyncio.create_task(adapter(scope(path=f"/{i}"), client)))  # type: ignore[arg-type]
            await asyncio.sleep(0.05)
        clients[1].left.set()
        await asyncio.sleep(0.05)
        release.set()
        await asyncio.gather(*tasks)
        adapter.close()
        return [client.answer for client in clients]

    first, second, third = asyncio.run(run())
    assert first[1] == 200
    assert second == ()
    assert third[1] == 503
    assert served == ["/0"]


# --- live events ---------------------------------------------------------------------------------------------------


def test_a_slow_list_is_told_to_reload_and_stays_bounded(archive: Archive) -> None:
    async def run() -> list[str]:
        live = LiveStudies(archive, 0.01)
        queue = live.subscribe()
        for i in range(QUEUE_MAX + 1):
            live._tell(f"event {i}")
        found = []
        while not queue.empty():
            found.append(queue.get_nowait())
        live.unsubscribe(queue)
        assert live.count == 0
        return found

    assert asyncio.run(run()) == [RELOAD]


def test_the_poller_asks_once_for_all(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    has_looked, revision = threading.Event(), archive.revision

    def look() -> int:
        found = revision()
        has_looked.set()
        return found

    monkeypatch.setattr(archive, "revision", look)

    async def run() -> list[str]:
        live = LiveStudies(archive, 0.01)
        queues = [live.subscribe() for _ in range(50)]
        poller = asyncio.create_task(live.poll())
        # What is there when it looks for the first time is no news.
        assert await asyncio.to_thread(has_looked.wait, 60)
        await asyncio.to_thread(store, archive, ct())
        events = [await asyncio.wait_for(queue.get(), 60) for queue in queues]
        poller.cancel()
        return events

    events = asyncio.run(run())
    assert len(set(events)) == 1
    assert '"images":1' in events[0]


def test_a_study_that_goes_is_a_reload_until_the_list_knows_it(archive: Archive) -> None:
    store(archive, ct())
    store(archive, ct(StudyInstanceUID="1.2.9", SeriesInstanceUID="1.2.9.1", SOPInstanceUID="1.2.9.1.1"))
    before = archive.revision()
    archive.rejections.reject(Target("1.2.9"), Reason.QUALITY, "admin")

    async def run() -> tuple[str, str]:
        live = LiveStudies(archive, 1)
        return await live.since(before), await live.since(archive.revision())

    told, later = asyncio.run(run())
    assert told == f"id: {archive.revision()}\n{RELOAD}"
    assert later == ""


def test_too_many_changes_are_a_reload(archive: Archive) -> None:
    for number in range(CHANGES_MAX):
        uid = f"1.2.826.0.1.3680043.10.999.{number}"
        store(archive, ct(StudyInstanceUID=uid, SeriesInstanceUID=f"{uid}.1", SOPInstanceUID=f"{uid}.1.1"))

    async def run() -> str:
        return await LiveStudies(archive, 1).since(0)

    assert asyncio.run(run()) == RELOAD
