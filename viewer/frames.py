"""Frames ready for drawing, kept in this process's memory: what makes dragging the window feel immediate.

An object's bytes never change under its SHA-256, so a kept frame never goes stale.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

from storage.model import Instance
from storage.pixels import PixelObject, open_object
from viewer.lru import Lru
from viewer.rendering import Prepared, facts, prepare

PREPARED_BYTES = 256 << 20
FACTS_MAX = 4096
OPEN_MAX = 24

_Key = tuple[bytes, int]


class Frames:
    """Prepared frames and facts of stored instances; frame indexes count from 0."""

    def __init__(self, prepared_bytes: int = PREPARED_BYTES) -> None:
        self._prepared: Lru[_Key, Prepared] = Lru(prepared_bytes, lambda prepared: prepared.nbytes)
        self._facts: Lru[_Key, dict[str, Any]] = Lru(FACTS_MAX, lambda _: 1)
        self._objects = OpenObjects(OPEN_MAX)

    def prepared(self, instance: Instance, index: int) -> Prepared:
        """Return frame `index`, decoded now or before; raises `PixelError` and `NotFound`."""
        return self._prepared.get((instance.dataset_sha256, index), lambda: self.prepared_once(instance, index))

    def prepared_at_hand(self, instance: Instance, index: int) -> Prepared | None:
        """Return frame `index` if it was decoded before; None otherwise."""
        return self._prepared.peek((instance.dataset_sha256, index))

    def prepared_once(self, instance: Instance, index: int) -> Prepared:
        """Return frame `index` without keeping it, for thumbnails."""
        with self._objects.use(instance) as obj:
            return prepare(obj, index)

    @contextmanager
    def opened(self, instance: Instance) -> Iterator[PixelObject]:
        """Open the object of `instance` for its header and single frames; raises `PixelError`."""
        with self._objects.use(instance) as obj:
            yield obj

    def facts(self, instance: Instance, index: int) -> dict[str, Any]:
        """Return the facts of frame `index`, from the header alone; raises `PixelError` and `NotFound`."""

        def read() -> dict[str, Any]:
            with self._objects.use(instance) as obj:
                return facts(obj, index)

        return self._facts.get((instance.dataset_sha256, index), read)

    def close(self) -> None:
        """Give back all open files."""
        self._objects.close()


class OpenObjects:
    """The headers and frame positions of multi-frame objects used last: a big one takes seconds to read again.

    Closed when pushed out *and* no thread uses them: a file descriptor that is closed under a reader may already be
    another patient's file.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._lock = Lock()
        self._open: dict[bytes, PixelObject] = {}
        self._users: dict[PixelObject, int] = {}

    @contextmanager
    def use(self, instance: Instance) -> Iterator[PixelObject]:
        """Open the object of `instance`, or take the one that is open."""
        if not instance.number_of_frames or instance.number_of_frames == 1:
            with open_object(instance.path) as obj:
                yield obj
            return
        obj = self._take(instance)
        try:
            yield obj
        finally:
            self._give_back(obj)

    def close(self) -> None:
        """Close what is open."""
        with self._lock:
            for obj in self._open.values():
                obj.close()
            self._open.clear()
            self._users.clear()

    def _take(self, instance: Instance) -> PixelObject:
        key = instance.dataset_sha256
        with self._lock:
            obj = self._open.pop(key, None)
            if obj is not None:
                self._open[key] = obj
                self._users[obj] += 1
                return obj
        fresh = open_object(instance.path)
        with self._lock:
            obj = self._open.setdefault(key, fresh)
            if obj is not fresh:
                fresh.close()
            self._users[obj] = self._users.get(obj, 0) + 1
            self._drop_surplus()
            return obj

    def _drop_surplus(self) -> None:
        for key in list(self._open)[: max(0, len(self._open) - self._limit)]:
            obj = self._open[key]
            if not self._users[obj]:
                del self._open[key], self._users[obj]
                obj.close()

    def _give_back(self, obj: PixelObject) -> None:
        with self._lock:
            if obj in self._users:
                self._users[obj] -= 1
            self._drop_surplus()
