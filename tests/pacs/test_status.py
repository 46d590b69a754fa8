"""An error of the archive becomes one status and one comment."""

from __future__ import annotations

import pytest

from pacs.status import Status, comment_of, of_store_error
from storage import errors
from storage.errors import (
    ClassMismatch,
    DuplicateConflict,
    InvalidObject,
    NotFound,
    OutOfSpace,
    StorageError,
    UnsafeUID,
    WriteFailed,
)

_LONG = "1." * 31 + "12"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OutOfSpace("full"), Status.OUT_OF_RESOURCES),
        (WriteFailed("broken"), Status.OUT_OF_RESOURCES),
        (ClassMismatch("other"), Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS),
        (InvalidObject("cut off"), Status.CANNOT_UNDERSTAND),
        (UnsafeUID("StudyInstanceUID", ".."), Status.CANNOT_UNDERSTAND),
        (DuplicateConflict("twice"), Status.CANNOT_UNDERSTAND),
        (NotFound("none"), Status.CANNOT_UNDERSTAND),
    ],
)
def test_each_error_has_its_status(error: StorageError, status: Status) -> None:
    assert of_store_error(error) is status
    assert comment_of(error) == str(error)


@pytest.mark.parametrize(
    ("error", "comment"),
    [
        (DuplicateConflict(f"SOP Instance UID {_LONG} is stored"), "stored already with other content"),
        (ClassMismatch(f"SOPClassUID is {_LONG} in the data set"), "another SOP class or instance"),
        (UnsafeUID("StudyInstanceUID", "x" * 80), "StudyInstanceUID is not a valid UID"),
        (OutOfSpace(f"cannot store {_LONG}/{_LONG}: No space left on device"), "No space left on device"),
        (WriteFailed(f"cannot store {_LONG}/{_LONG}: Input/output error"), "Input/output error"),
        (InvalidObject(f"truncated: {_LONG}{_LONG}"), "truncated: 1.1."),
    ],
)
def test_a_long_reason_is_shortened_to_what_tells_something(error: StorageError, comment: str) -> None:
    assert comment in comment_of(error)
    assert len(comment_of(error)) <= 64


def test_no_error_of_the_archive_is_a_success() -> None:
    # PS3.7 annex C: failures are 0xAxxx and 0xCxxx, and the general 0x01xx (but two warnings) and 0x02xx.
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, StorageError)]
    for kind in kinds:
        error = kind.__new__(kind)
        status = of_store_error(error)
        assert status >> 12 in (0xA, 0xC) or (status >> 8 in (0x01, 0x02) and status not in (0x0107, 0x0116))
