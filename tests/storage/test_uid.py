"""UIDs as path components (PS3.5 9.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import UnsafeUID
from storage.uid import checked, is_valid


@pytest.mark.parametrize("uid", ["1", "0", "1.2.840.10008.1.2", "2.25.0", "1.02.3", "1" * 64])
def test_digits_and_single_dots_are_valid(uid: str) -> None:
    assert is_valid(uid)
    assert checked("StudyInstanceUID", uid) == uid


@pytest.mark.parametrize(
    "uid",
    ["", ".", "..", "1.", ".1", "1..2", "1/2", "../1", "1\\2", "1\0", "1\n", "1 ", " 1", "a", "1" * 65, "1.²", "-1"],
)  # fmt: skip
def test_everything_else_is_not(uid: str) -> None:
    assert not is_valid(uid)
    with pytest.raises(UnsafeUID) as e:
        checked("StudyInstanceUID", uid)
    assert (e.value.keyword, e.value.value) == ("StudyInstanceUID", uid)


@given(st.text())
def test_what_is_valid_never_leaves_its_folder(uid: str) -> None:
    if is_valid(uid):
        assert set(uid) <= set("0123456789.")
        assert len(uid) <= 64
        assert "" not in uid.split(".")
