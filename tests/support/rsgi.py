"""Stands in for what Granian hands to an RSGI application."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from types import SimpleNamespace
from typing import Any


class Headers(list[tuple[str, str]]):
    def get_all(self, key: str) -> list[str]:
        return [value for name, value in self if name == key]

    def items(self) -> list[tuple[str, str]]:
        return list(self)

    def get(self, key: str) -> str | None:
        return next((value for name, value in self if name == key), None)


class Client:
    """Stands in for Granian's protocol: sends `chunks`, remembers the answer."""

    def __init__(self, chunks: Iterable[bytes] = ()) -> None:
        self.chunks = chunks
        self.left = asyncio.Event()
        self.answer: tuple[Any, ...] = ()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self.chunks:
            yield chunk

    async def client_disconnect(self) -> None:
        await self.left.wait()

    def __getattr__(self, name: str) -> Callable[..., None]:
        if not name.startswith("response_"):
            raise AttributeError(name)
        return lambda *args: setattr(self, "answer", (name, *args))


def scope(method: str = "GET", path: str = "/", headers: Iterable[tuple[str, str]] = (), **more: str) -> Any:
    facts = {"query_string": "", "client": "10.1.2.3:4000", "server": "0.0.0.0:80", "scheme": "https",
             "http_version": "2", "authority": None}  # fmt: skip
    return SimpleNamespace(method=method, path=path, headers=Headers(headers), **{**facts, **more})
