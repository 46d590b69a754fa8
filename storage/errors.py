"""The one family of errors that the archive raises.

Each error carries facts (what, where, what to do), never a protocol status: `pacs` and `viewer` map the classes to a
DIMSE or HTTP status in one file each.
"""

from __future__ import annotations

from pathlib import Path

from storage.printable import printable

PIXEL_TEXT_MAX = 400


class StorageError(Exception):
    """Base of everything that `storage` raises on purpose; `str()` is one clear line for a person."""


class InvalidObject(StorageError):
    """The bytes are not a DICOM object that can be kept as a normal one (unreadable, truncated, without UIDs)."""


class UnsafeUID(InvalidObject):
    """A UID is empty, too long or holds characters outside PS3.5 9.1, so that it may not form a path."""

    def __init__(self, keyword: str, value: str) -> None:
        self.keyword = keyword
        self.value = value
        super().__init__(f"{keyword} {value[:80]!r} is not a valid UID (PS3.5 9.1)")


class ClassMismatch(StorageError):
    """The data set is of another SOP class or instance than the message announced (PS3.4 B.2.3, A900)."""


class DuplicateConflict(StorageError):
    """The SOP Instance UID is stored already with other bytes; the first stays."""


class OutOfSpace(StorageError):
    """The file system is full, or below the free-space mark; nothing was kept."""


class NotFound(StorageError):
    """No such study, series, instance or frame in the archive."""


class Rejected(NotFound):
    """The instance is here, but somebody took it out of use; it can be restored for a while."""

    def __init__(self, sop_instance_uid: str, dataset_sha256: bytes, path: Path) -> None:
        self.dataset_sha256 = dataset_sha256
        """SHA-256 of the data set as received."""
        self.path = path
        """Where its file is kept."""
        super().__init__(f"instance {sop_instance_uid[:64]} is rejected; restore it, or wait until it is removed")


class PixelError(StorageError):
    """Pixel data cannot be decoded or rendered: missing, corrupt or of an unsupported form.

    Its text is one line that can be shown, whatever a broken object says of itself.
    """

    def __init__(self, text: str) -> None:
        super().__init__(printable(text, most=PIXEL_TEXT_MAX))


class QueryError(StorageError):
    """A query cannot be understood: unknown attribute, bad range, wrong level."""


class DataFolderError(StorageError):
    """The data folder cannot be used: unwritable, not a folder, or in use by a newer version."""


class WriteFailed(StorageError):
    """The disk refused a write or a sync for another reason than lack of space; nothing was kept."""


class IndexFailed(WriteFailed):
    """The index cannot be read or written (busy for too long, damaged); nothing was kept."""


class InvalidRecord(StorageError):
    """A user, token or password cannot be kept as given; the text names the rule."""


class AlreadyExists(StorageError):
    """A user or token of that name exists."""


class SignInRefused(StorageError):
    """Name and password do not match an enabled user; which of the two is wrong is not told."""

    def __init__(self) -> None:
        super().__init__("the name or the password is wrong")


class TooManyAttempts(StorageError):
    """Too many failed sign-ins by this name from this address."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        """Whole seconds until the next try is looked at."""
        super().__init__(f"too many failed sign-ins; try again in {retry_after} seconds")
