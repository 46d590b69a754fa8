"""Whole objects as files in the transfer syntax that is asked for: the stored file itself, or one that was made and
kept on disk within a limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from storage import meta
from storage.errors import InvalidObject, PixelError
from storage.files import disk_errors
from storage.model import Instance
from storage.transcode import COMPRESSED, UNCOMPRESSED, is_the_same, transcode
from viewer.disk_cache import DiskCache
from viewer.streaming import FileSpan

DISK_BYTES = 4 << 30
ANY = "*"
_VERSION = "1"


@dataclass(frozen=True, slots=True)
class ObjectFile:
    """A DICOM file: its transfer syntax, and where its bytes are."""

    transfer_syntax_uid: str
    span: FileSpan


class ObjectStore:
    """One per process, safe between its threads."""

    def __init__(self, folder: Path, disk_bytes: int = DISK_BYTES) -> None:
        self._disk = DiskCache(folder, disk_bytes)

    def stored(self, instance: Instance, target: str) -> ObjectFile | None:
        """Return the file of an instance if it is in `target` (`*` is any) already; None otherwise."""
        uid = instance.transfer_syntax_uid
        # The meta information of the file names one syntax, so that one which would fit as well does not do.
        if uid != self.target_of(instance, target):
            return None
        return ObjectFile(uid, FileSpan(instance.path, 0, instance.size))

    def target_of(self, instance: Instance, target: str) -> str:
        """Return the syntax an instance is given in when `target` is asked for.

        Objects without pixel data are never compressed, and stay as they are when a compression is asked for.
        """
        uid = instance.transfer_syntax_uid
        if target == ANY or (not instance.has_pixels and target not in UNCOMPRESSED):
            return uid
        return target

    @contextmanager
    def opened(self, instance: Instance, target: str) -> Iterator[ObjectFile]:
        """Give an instance in `target`, as long as the context lasts.

        Raises:
            PixelError, InvalidObject: it cannot be put into that syntax without loss.
            NotFound: its file is gone.
            OutOfSpace, WriteFailed: there is no room for the file to be made.
        """
        stored = self.stored(instance, target)
        if stored is not None:
            yield stored
            return
        uid = self.target_of(instance, target)
        if uid not in UNCOMPRESSED and uid not in COMPRESSED and not is_the_same(instance.transfer_syntax_uid, uid):
            raise PixelError(f"{instance.sop_instance_uid} cannot be put into {uid}")
        key = f"object {_VERSION} {instance.dataset_sha256.hex()} {uid}"
        with self._disk.opened(key) as kept:
            if kept is not None:
                yield ObjectFile(uid, kept)
                return
        with (
            disk_errors("cannot write a transcoded object"),
            self._disk.made(key, partial(_make, instance, uid)) as made,
        ):
            yield ObjectFile(uid, made)

    @contextmanager
    def opened_if_possible(self, instance: Instance, target: str) -> Iterator[ObjectFile]:
        """Give an instance in `target`, or as it is stored where it cannot be put into that. Raises as `opened`."""
        try:
            with self.opened(instance, target) as found:
                yield found
                return
        except (PixelError, InvalidObject):
            pass
        with self.opened(instance, ANY) as found:
            yield found


def _make(instance: Instance, target: str, file: BinaryIO) -> None:
    file.write(meta.encode_derived(instance.sop_class_uid, instance.sop_instance_uid, target))
    stored = instance.transfer_syntax_uid
    if is_the_same(stored, target):
        with instance.path.open("rb") as source:
            source.seek(instance.dataset_offset)
            while block := source.read(1 << 20):
                file.write(block)
        return
    transcode(instance.path, instance.dataset_offset, stored, target, file)
