"""One object re-encoded into a file that has no name and is gone when it is closed."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from storage.errors import InvalidObject, NotFound, PixelError
from storage.files import disk_errors
from storage.model import DataSetSpan, Instance
from storage.pixels import PixelObject, open_object
from storage.transcode import syntaxes
from storage.transcode.elements import Changes, Reader, Reencoder, Writer
from storage.transcode.frames import changes_for
from storage.transcode.icons import ICONS, has_compressed_icon, native_icons

_PIECE = 1 << 20


@contextmanager
def transcoded(instance: Instance, target: str, folder: Path) -> Iterator[DataSetSpan]:
    """Give the data set of an object in another transfer syntax; the file lasts as long as the context.

    Raises:
        NotFound: the object's file is gone.
        PixelError, InvalidObject: it cannot be transcoded.
        OutOfSpace, WriteFailed: the disk refuses.
    """
    with disk_errors("cannot write a transcoded object"):
        out = TemporaryFile(dir=folder)  # noqa: SIM115 - closed below, after its disk errors were told apart
    with out:
        transcode(instance.path, instance.dataset_offset, instance.transfer_syntax_uid, target, out)
        with disk_errors("cannot write a transcoded object"):
            out.flush()
            size = os.fstat(out.fileno()).st_size
        yield DataSetSpan(Path(f"/proc/self/fd/{out.fileno()}"), 0, size)


def transcode(path: Path, offset: int, stored: str, target: str, out: BinaryIO) -> None:
    """Write the data set that begins at `offset` of `path` to `out` in another transfer syntax. Raises as above."""
    changes, close = _changes(path, stored, target)
    sink = _Deflating(out) if target == syntaxes.DEFLATED else _Checked(out)
    try:
        with path.open("rb", buffering=_PIECE) as file:
            file.seek(offset)
            source: Reader = _Inflating(file) if stored == syntaxes.DEFLATED else file
            Reencoder(source, sink, syntaxes.encoding_of(target), changes).run(syntaxes.encoding_of(stored))
        if isinstance(sink, _Deflating):
            sink.finish()
    except FileNotFoundError as e:
        raise NotFound(f"{path.name}: no such file") from e
    except OSError as e:
        # Of reading: what the disk says to writing is told apart above.
        raise PixelError(f"{path.name} cannot be read: {e.strerror or e}") from e
    except PixelError as e:
        raise PixelError(f"{path.name} cannot be sent as {target}: {e}") from e
    finally:
        close()


def _changes(path: Path, stored: str, target: str) -> tuple[Changes, Callable[[], None]]:
    was, becomes = syntaxes.is_encapsulated(stored), syntaxes.is_encapsulated(target)
    if not was and not becomes:
        return Changes(), _nothing
    obj = open_object(path)
    try:
        changes = changes_for(obj, target) if obj.has_pixels else Changes()
        return _with_icons(changes, obj, target), obj.close
    except BaseException:
        obj.close()
        raise


def _with_icons(changes: Changes, obj: PixelObject, target: str) -> Changes:
    if not has_compressed_icon(obj.ds):
        return changes
    icons = native_icons(obj, syntaxes.encoding_of(target))
    if not icons:
        return replace(changes, removed=changes.removed | {ICONS})
    return replace(changes, values={**changes.values, ICONS: (b"SQ", icons)})


def _nothing() -> None:
    pass


class _Checked:
    """Tells the disk's refusals as what they are."""

    def __init__(self, out: Writer) -> None:
        self._out = out

    def write(self, data: bytes, /) -> None:
        with disk_errors("cannot write a transcoded object"):
            self._out.write(data)


class _Deflating(_Checked):
    """Raw deflate (PS3.5 A.5), padded to an even length."""

    def __init__(self, out: Writer) -> None:
        super().__init__(out)
        self._deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        self._written = 0

    def write(self, data: bytes, /) -> None:
        self._put(self._deflater.compress(data))

    def finish(self) -> None:
        self._put(self._deflater.flush())
        super().write(bytes(self._written % 2))

    def _put(self, data: bytes) -> None:
        self._written += len(data)
        super().write(data)


class _Inflating:
    """Undoes raw deflate piece by piece; never holds more than asked for and one piece of input."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)

    def read(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size > 0 and not self._inflater.eof:
            data = self._inflater.unconsumed_tail or self._source.read(_PIECE)
            if not data:
                break
            try:
                part = self._inflater.decompress(data, size)
            except zlib.error as e:
                raise InvalidObject(f"deflated data is corrupt: {e}") from e
            size -= len(part)
            parts.append(part)
        return b"".join(parts)
