"""Metadata, prepared once for each series and kept until the series changes.

What is kept, and why:
- The JSON of a series' instances, joined by commas, is kept in the cache folder under the UIDs, the revision of the
  series in the index, and the address by which the caller knows this server (bulk data is told by absolute addresses).
  Any change of the series raises its revision, so what is old is never asked for again, and goes by age.
- Beside it stands a list of the instances in it with the hash and the length of each. When a series has changed, the
  last body gives the JSON of all instances that are still the same, and only new ones are read.
- Bodies that are small are held in memory as well; large ones go from the file to the socket.
"""

from __future__ import annotations

import json
import logging
import mmap
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from storage.errors import StorageError
from storage.model import Instance, Series, Study
from viewer.dicomweb.dicom_json import Addresses, Encoder, bulk_fragment, document, in_order
from viewer.dicomweb.heads import Head, read_head
from viewer.disk_cache import DiskCache
from viewer.lru import Lru
from viewer.streaming import Piece

if TYPE_CHECKING:
    from storage.archive import Archive

log = logging.getLogger("filmless.viewer")

FORM = 2
"""Part of every key; raise it when the same object is to give other JSON than before."""
CACHE_BYTES = 4 << 30
MEMORY_BYTES = 64 << 20
STREAMED_INSTANCES = 2000
"""A series of more instances is sent while it is prepared, the first time."""
LARGE_HEAD_BYTES = 1 << 18
_CHUNK = 1 << 18


def fingerprint(instance: Instance) -> str:
    """Return what decides the JSON of an instance besides its UIDs."""
    return f"{instance.dataset_sha256.hex()[:32]}{instance.transfer_syntax_uid}"


def instance_json(encoder: Encoder, instance: Instance, base: str) -> bytes:
    """Return the metadata of one instance as a JSON object; `base` is the address of `/dicom-web`.

    Raises:
        NotFound, InvalidObject, OSError: it cannot be read.
    """
    address = f"{place_of(instance, base)}/bulkdata/"
    return document(attributes(encoder, read_head(instance), instance, lambda place: address + place))


def place_of(instance: Instance, base: str) -> str:
    """Return the address of an instance, without a slash at the end; `base` is that of `/dicom-web`."""
    place = f"{base}/studies/{instance.study_instance_uid}/series/{instance.series_instance_uid}"
    return f"{place}/instances/{instance.sop_instance_uid}"


def named_json(instance: Instance) -> bytes:
    """Return what the index knows of an instance that cannot be read, so that it does not take its series along."""
    return document(_known_to_the_index(instance))


def attributes(encoder: Encoder, head: Head, instance: Instance, address: Addresses) -> list[bytes]:
    """Return the JSON of each attribute of an object, in order; `address` gives that of bulk data by its place.

    Raises:
        InvalidObject: it cannot be walked.
    """
    found = encoder.attributes(head.block, head.encoding, address, head.start)
    if head.pixels is not None:
        found.append(bulk_fragment(head.pixels.tag, head.pixels.vr, address(f"{head.pixels.tag:08X}")))
    if head.tail:
        found += encoder.attributes(head.tail, head.encoding, address)
    # PS3.18 10.4.1.1.2: says which transfer syntax the object can be had in without transcoding. It comes last, so that
    # it counts, and not what the metadata of another archive said that the object was made of.
    found.append(_text(0x00083002, "UI", instance.transfer_syntax_uid))
    return in_order(found)


def _text(tag: int, vr: str, value: str) -> bytes:
    return f'"{tag:08X}":{{"vr":"{vr}","Value":["{value}"]}}'.encode("ascii")


def _known_to_the_index(instance: Instance) -> list[bytes]:
    values = [
        (0x00080016, instance.sop_class_uid),
        (0x00080018, instance.sop_instance_uid),
        (0x00083002, instance.transfer_syntax_uid),
        (0x0020000D, instance.study_instance_uid),
        (0x0020000E, instance.series_instance_uid),
    ]
    return [_text(tag, "UI", value) for tag, value in values if value]


class PreparedMetadata:
    """The metadata of this archive's series as JSON objects joined by commas; safe between threads and processes."""

    def __init__(self, archive: Archive, limit: int = CACHE_BYTES) -> None:
        self._archive = archive
        self._cache = DiskCache(Path(archive.data) / "cache" / "metadata", limit)
        self._small: Lru[str, bytes] = Lru(MEMORY_BYTES, len)
        self._incomplete = 0
        """How many bodies were made that lack an object: what is made of these is not kept either."""

    def series(self, series: Series, base: str) -> Iterator[Piece]:
        """Return the instances of a series by number; `base` is the address of `/dicom-web`.

        The first piece comes at once, also when nothing is prepared yet.
        """
        key = series_key(series, base)
        if series.number_of_instances <= STREAMED_INSTANCES:
            yield self._small_series(series, base, key)
            return
        with self._cache.opened(key) as kept:
            if kept is not None:
                yield kept
                return
        yield from self._made(_Making(series, base), key)

    def study(self, study: Study, base: str) -> Iterator[Piece]:
        """Return the instances of a study, series by series, as `series` does."""
        for number, series in enumerate(self._archive.series(study.study_instance_uid)):
            if number:
                yield b","
            yield from self.series(series, base)

    def instance(self, instance: Instance, base: str) -> bytes:
        """Return one instance; what has a large head, as an enhanced multi-frame object has, is kept as well.

        Raises:
            NotFound, InvalidObject, OSError: it cannot be read.
        """
        if not has_large_head(instance):
            return instance_json(Encoder(), instance, base)
        return self.kept(instance_key(instance, base), lambda: instance_json(Encoder(), instance, base))

    def kept(self, key: str, make: Callable[[], bytes]) -> bytes:
        """Return a body made of the one of a series or study, such as its compressed form; made once."""

        def made() -> bytes:
            kept = self._cache.get(key)
            if kept is not None:
                return kept
            before = self._incomplete
            data = make()
            if self._incomplete != before:
                raise _Incomplete(data)
            self._cache.put(key, data)
            return data

        try:
            return self._small.get(key, made)
        except _Incomplete as incomplete:
            return incomplete.data

    def while_kept(self, key: str, make: Iterable[bytes]) -> Iterator[Piece]:
        """Return such a body in pieces as they are made, and keep it once it is whole."""
        with self._cache.opened(key) as found:
            if found is not None:
                yield found
                return
        before = self._incomplete
        yield from self._keeping(key, make, lambda: self._incomplete == before)

    def _small_series(self, series: Series, base: str, key: str) -> bytes:
        def made() -> bytes:
            kept = self._cache.get(key)
            if kept is not None:
                return kept
            making = _Making(series, base)
            data = b"".join(self._made(making, key))
            if not making.is_whole:
                raise _Incomplete(data)
            return data

        try:
            return self._small.get(key, made)
        except _Incomplete as incomplete:
            return incomplete.data

    def _made(self, making: _Making, key: str) -> Iterator[bytes]:
        """Prepare a series; hand its JSON over in pieces as it is made, and keep it once all of it is there."""
        yield from self._keeping(key, self._prepared(making), lambda: making.is_whole)
        if making.is_whole:
            note = json.dumps({"key": key, "entries": making.entries})
            self._cache.put(_list_key(making.series, making.base), note.encode())

    def _prepared(self, making: _Making) -> Iterator[bytes]:
        series, base = making.series, making.base
        instances = self._archive.instances(series.series_instance_uid, series.study_instance_uid)
        encoder, waiting, size = Encoder(), list[bytes](), 0
        with self._previous(series, base) as known:
            for instance in instances:
                mark = fingerprint(instance)
                made = known(instance.sop_instance_uid, mark) or _made_or_named(encoder, instance, making)
                waiting += (b",", made) if making.entries else (made,)
                making.entries.append((instance.sop_instance_uid, mark, len(made)))
                size += len(made)
                if size > _CHUNK:
                    yield b"".join(waiting)
                    waiting, size = [], 0
        if not making.is_whole:
            self._incomplete += 1
        yield b"".join(waiting)

    @contextmanager
    def _previous(self, series: Series, base: str) -> Iterator[Callable[[str, str], bytes | None]]:
        """Give what finds the JSON of an instance in the body that was kept last, while the context lasts."""
        note = json.loads(self._cache.get(_list_key(series, base)) or "{}")
        places: dict[tuple[str, str], tuple[int, int]] = {}
        at = 0
        for uid, mark, length in note.get("entries", ()):
            places[uid, mark] = at, at + length
            at += length + 1
        with self._cache.opened(note.get("key", "")) as span:
            if span is None or span.length != at - 1:
                yield lambda uid, mark: None
                return
            with span.path.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as body:
                yield lambda uid, mark: body[slice(*places[uid, mark])] if (uid, mark) in places else None

    def _keeping(
        self, key: str, chunks: Iterable[bytes], is_good: Callable[[], bool] = lambda: True
    ) -> Iterator[bytes]:
        """Pass chunks on, and keep them when all have come; a disk that refuses only means that they are not kept."""
        keeping = _Keeping(self._cache, key)
        try:
            for chunk in chunks:
                keeping.write(chunk)
                yield chunk
            if is_good():
                keeping.keep()
        finally:
            keeping.drop()


@dataclass(slots=True)
class _Making:
    """One preparation: what it put in, and whether every object could be read."""

    series: Series
    base: str
    entries: list[tuple[str, str, int]] = field(default_factory=list)
    is_whole: bool = True


class _Incomplete(Exception):
    """A body that is good to send and not to keep."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.data = data


class _Dropped(Exception):
    """Ends a writing that is not to be kept."""


class _Keeping:
    """A value of the cache on its way; errors of the disk end it and nothing else."""

    def __init__(self, cache: DiskCache, key: str) -> None:
        self._stack = ExitStack()
        self._file: BinaryIO | None = None
        with suppress(OSError):
            self._file = self._stack.enter_context(cache.writing(key))

    def write(self, data: bytes) -> None:
        if self._file is not None:
            try:
                self._file.write(data)
            except OSError:
                self.drop()

    def keep(self) -> None:
        if self._file is not None:
            self._file = None
            with suppress(OSError):
                self._stack.close()

    def drop(self) -> None:
        if self._file is not None:
            self._file = None
            with suppress(_Dropped), self._stack:
                raise _Dropped


def _made_or_named(encoder: Encoder, instance: Instance, making: _Making) -> bytes:
    try:
        return instance_json(encoder, instance, making.base)
    except (StorageError, OSError) as error:
        log.warning("the metadata of %s cannot be read: %s", instance.sop_instance_uid, error)
        making.is_whole = False
        return named_json(instance)


def series_key(series: Series, base: str) -> str:
    """Return what decides the body of a series; it has another one after any change."""
    uids = f"{series.study_instance_uid}\0{series.series_instance_uid}"
    return f"{FORM}\0{uids}\0{series.revision}\0{series.number_of_instances}\0{base}"


def study_key(study: Study, base: str) -> str:
    """Return what decides the body of a study."""
    return f"{FORM}\0{study.study_instance_uid}\0{study.revision}\0{study.number_of_instances}\0{base}"


def instance_key(instance: Instance, base: str) -> str:
    """Return what decides the body of an instance."""
    return f"{FORM}\0{instance.sop_instance_uid}\0{fingerprint(instance)}\0{base}"


def has_large_head(instance: Instance) -> bool:
    """Tell whether what stands before the pixels takes long enough to read that the outcome is worth keeping."""
    return (instance.pixel_data_offset or instance.size) - instance.dataset_offset > LARGE_HEAD_BYTES


def _list_key(series: Series, base: str) -> str:
    return f"{FORM}\0list\0{series.study_instance_uid}\0{series.series_instance_uid}\0{base}"
