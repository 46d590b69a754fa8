"""Frames as bytes in the transfer syntax that is asked for: by position in their file where they are stored so, without
decoding; otherwise made, and kept in memory and on disk within limits.

Frames count from 0. An object's bytes never change under its SHA-256, so nothing kept goes stale.
"""

from __future__ import annotations

from pathlib import Path

from storage.model import Instance
from storage.pixels import FrameIndex, frames_of
from storage.transcode import FrameBytes, frame_in, is_the_same
from viewer.disk_cache import DiskCache
from viewer.frames import OpenObjects
from viewer.lru import Lru
from viewer.streaming import FileSpan, Piece, read_at_once

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
IMPLICIT_LITTLE = "1.2.840.10008.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
NATIVE = frozenset({EXPLICIT_LITTLE, IMPLICIT_LITTLE, DEFLATED, EXPLICIT_BIG})

MEMORY_BYTES = 64 << 20
DISK_BYTES = 4 << 30
POSITIONS_MAX = 500_000
OPEN_MAX = 8
_LITTLE = frozenset({EXPLICIT_LITTLE, IMPLICIT_LITTLE})
_VERSION = "1"
_PHOTOMETRIC_SIZE = 16


class FrameStore:
    """One per process, safe between its threads."""

    def __init__(self, folder: Path, disk_bytes: int = DISK_BYTES, memory_bytes: int = MEMORY_BYTES) -> None:
        self._positions: Lru[bytes, FrameIndex] = Lru(POSITIONS_MAX, _weight)
        self._made: Lru[tuple[bytes, int, str], FrameBytes] = Lru(memory_bytes, lambda made: len(made.data))
        self._disk = DiskCache(folder, disk_bytes)
        self._objects = OpenObjects(OPEN_MAX)

    def close(self) -> None:
        """Give back all open files."""
        self._objects.close()

    def number_of_frames(self, instance: Instance) -> int:
        """Return how many frames there are; raises `NotFound` and `PixelError` as `frames_of` does."""
        return self._index(instance).number_of_frames

    def pieces(self, instance: Instance, index: int, target: str) -> tuple[Piece, ...]:
        """Return the bytes of a frame in the transfer syntax `target`.

        Raises:
            NotFound: there is no such frame, or the file is gone.
            PixelError: it cannot be found or decoded, or cannot be put in `target` without loss.
        """
        stored = self.stored(instance, index, target)
        return stored if stored is not None else (self.made(instance, index, target).data,)

    def stored(self, instance: Instance, index: int, target: str) -> tuple[FileSpan, ...] | None:
        """Return where the bytes of a frame are in its file; None where they are not stored as asked. Raises as above.

        What is native needs no more than the byte order; one-bit frames need to begin on a byte, too.
        """
        uid = instance.transfer_syntax_uid
        is_native = target in _LITTLE and uid in _LITTLE
        if not is_native and (uid in NATIVE or not is_the_same(uid, target)):
            return None
        frames = self._index(instance)
        spans = frames.spans(index)
        if is_native and (frames.frame_bits % 8 and frames.number_of_frames > 1):
            return None
        return tuple(FileSpan(instance.path, span.offset, span.length) for span in spans)

    def at_hand(self, instance: Instance, index: int, target: str) -> tuple[Piece, ...] | None:
        """Return a frame as `pieces` does if nothing has to be waited for to find it; None otherwise.

        Made frames are bytes in memory; stored ones may still have to be read.
        """
        if instance.dataset_sha256 not in self._positions and not _is_quickly_found(instance):
            return None
        stored = self.stored(instance, index, target)
        if stored is not None:
            return stored
        made = self._made.peek((instance.dataset_sha256, index, target))
        return None if made is None else (made.data,)

    def made(self, instance: Instance, index: int, target: str) -> FrameBytes:
        """Return a frame put into `target`, now or before. Raises as `pieces`."""
        key = (instance.dataset_sha256, index, target)
        return self._made.get(key, lambda: self._from_disk(instance, index, target))

    def _from_disk(self, instance: Instance, index: int, target: str) -> FrameBytes:
        key = f"frame {_VERSION} {instance.dataset_sha256.hex()} {index} {target}"
        kept = self._disk.get(key)
        if kept is not None:
            return FrameBytes(kept[_PHOTOMETRIC_SIZE:], kept[:_PHOTOMETRIC_SIZE].decode("ascii").strip())
        with self._objects.use(instance) as obj:
            made = frame_in(obj, index, target)
        head = made.photometric_interpretation.ljust(_PHOTOMETRIC_SIZE).encode("ascii", "replace")[:_PHOTOMETRIC_SIZE]
        self._disk.put(key, head + made.data)
        return made

    def _index(self, instance: Instance) -> FrameIndex:
        return self._positions.get(instance.dataset_sha256, lambda: frames_of(instance))


def _is_quickly_found(instance: Instance) -> bool:
    """A single frame stands behind its element's head; that is one look into the file, if it is in memory."""
    if instance.pixel_data_offset is None or (instance.number_of_frames or 1) != 1:
        return False
    return read_at_once(FileSpan(instance.path, instance.pixel_data_offset, 1), memoryview(bytearray(1)))


def _weight(index: FrameIndex) -> int:
    return 1 + sum(map(len, index.fragments or ()))
