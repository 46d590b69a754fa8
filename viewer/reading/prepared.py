"""Facts of frames, prepared once for each series and kept until the series changes.

- A body is the JSON that the page asks for: up to a thousand frames of a series. It is kept in the cache folder under
  the UIDs and the range, behind a line that says for which state of the series it is good: any change raises the
  revision. So there is one file for each range, and what is old is written over.
- When the series has changed, records of frames whose object is still the same are taken from the last body; only the
  others are read from their headers.
- A frame that could not be read is tried again each time: the disk may have been to blame.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from storage.errors import NotFound, PixelError
from storage.model import Instance, Series
from viewer.disk_cache import DiskCache
from viewer.frames import Frames
from viewer.lru import Lru
from viewer.reading.compact import compact, expanded
from viewer.reading.facts import reading_facts
from viewer.stacks import Stack

CACHE_BYTES = 256 << 20
MEMORY_BYTES = 16 << 20
_CONTENT_CHARACTERS = 32
_NEVER = b"-"

Json = dict[str, Any]
_Known = dict[tuple[str, int], Json]


@cache
def form() -> str:
    """Return what decides facts besides the objects: the code that reads them. A new version prepares them anew."""
    here = Path(__file__).parent
    sources = sorted(path for folder in (here, here.parent / "rendering") for path in folder.glob("*.py"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:16]


def content_of(instance: Instance) -> str:
    """Return what stands for the bytes of an object: half of its SHA-256."""
    return instance.dataset_sha256.hex()[:_CONTENT_CHARACTERS]


class PreparedFacts:
    """Bodies of facts; safe between threads and processes."""

    def __init__(self, folder: Path, frames: Frames, limit: int = CACHE_BYTES) -> None:
        self._cache = DiskCache(folder, limit)
        self._small: Lru[str, bytes] = Lru(MEMORY_BYTES, len)
        self._frames = frames

    def body(self, series: Series, stack: Stack, offset: int, limit: int) -> bytes:
        """Return `{total, offset, shared, each}` of up to `limit` frames from `offset` on, as UTF-8."""
        name = f"{form()}\0{series.study_instance_uid}\0{series.series_instance_uid}\0{offset}\0{limit}"
        state = f"{series.revision} {stack.total}".encode()
        key = f"{name}\0{series.revision}\0{stack.total}"
        found = self._small.peek(key)
        if found is None:
            kept_state, _, kept = (self._cache.get(name) or b"").partition(b"\n")
            if kept and kept_state == state:
                found = kept
            else:
                found, state = self._made(stack, offset, limit, _known(kept) if kept else {}, state)
                self._cache.put(name, state + b"\n" + found)
            if state != _NEVER:
                self._small.put(key, found)
        return found

    def _made(self, stack: Stack, offset: int, limit: int, known: _Known, state: bytes) -> tuple[bytes, bytes]:
        """Return a body, and for which state it is good."""
        records: list[Json] = []
        for place in range(offset, min(offset + limit, stack.total)):
            instance, index = stack.at(place)
            content = content_of(instance)
            records.append(known.get((content, index + 1)) or {**self._read(instance, index), "content": content})
        told = {"total": stack.total, "offset": offset, **compact(records)}
        body = json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()
        return body, _NEVER if any("problem" in record for record in records) else state

    def _read(self, instance: Instance, index: int) -> Json:
        try:
            with self._frames.opened(instance) as obj:
                return reading_facts(obj, instance, index)
        except (PixelError, NotFound) as error:
            return {"sop": instance.sop_instance_uid, "frame_number": index + 1, "problem": str(error)}


def _known(body: bytes) -> _Known:
    records = expanded(json.loads(body))
    return {(record["content"], record["frame_number"]): record for record in records if "problem" not in record}
