"""A small cache of this process: bounded by weight, safe between threads, each value made once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Lru(Generic[Key, Value]):
    """Keeps what was used last while the sum of weights stays within `limit`.

    Two threads that want the same missing value wait for one making of it. A value heavier than `limit` is made and
    returned, but not kept. A making that raises is not remembered.
    """

    def __init__(self, limit: int, weigh: Callable[[Value], int]) -> None:
        self._limit = limit
        self._weigh = weigh
        self._kept: OrderedDict[Key, Value] = OrderedDict()
        self._weight = 0
        self._lock = threading.Lock()
        self._making: dict[Key, threading.Lock] = {}

    @property
    def weight(self) -> int:
        """The present sum of weights."""
        return self._weight

    def __contains__(self, key: Key) -> bool:
        """Tell whether a value is kept now."""
        with self._lock:
            return key in self._kept

    def peek(self, key: Key) -> Value | None:
        """Return a value that is kept, and count that as use; None where it is not there."""
        with self._lock:
            if key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key]

    def get(self, key: Key, make: Callable[[], Value]) -> Value:
        """Return the value of `key`, made by `make` when it is not there."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._kept:
                    return self._kept[key]
            try:
                value = make()
                self._keep(key, value)
            finally:
                with self._lock:
                    self._making.pop(key, None)
            return value

    def put(self, key: Key, value: Value) -> None:
        """Keep a value in place of the one that was there."""
        with self._lock:
            old = self._kept.pop(key, None)
            self._weight -= 0 if old is None else self._weigh(old)
        self._keep(key, value)

    def _keep(self, key: Key, value: Value) -> None:
        weight = self._weigh(value)
        if weight > self._limit:
            return
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = value
            self._weight += weight
            while self._weight > self._limit:
                _, dropped = self._kept.popitem(last=False)
                self._weight -= self._weigh(dropped)
