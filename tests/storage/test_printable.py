"""Words of others in a line of ours, whatever they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.errors import PIXEL_TEXT_MAX, PixelError
from storage.printable import printable, printable_ascii


@given(st.text(), st.integers(0, 20))
def test_it_is_one_line_of_the_same_length_and_what_can_be_shown_stays(text: str, most: int) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown) == len(text)
    pairs = zip(text, shown, strict=True)
    assert all(after == before or (after == "?" and not before.isprintable()) for before, after in pairs)
    assert printable(shown) == shown
    assert printable(text, most=most) == shown[:most]


@given(st.text(), st.integers(0, 20))
def test_where_only_ascii_is_declared_nothing_else_comes(text: str, most: int) -> None:
    shown = printable_ascii(text)
    assert shown.isascii()
    assert shown.isprintable()
    assert "\\" not in shown
    assert printable_ascii(text, most=most) == shown[:most]


@pytest.mark.parametrize("hostile", ["a\r\nb", "a\x1b[31mb", "a\u202eb", "a\ud800b", "a\x00b", "a\u2028b"])
def test_what_would_forge_a_line_or_turn_it_round(hostile: str) -> None:
    assert "?" in printable(hostile)
    assert printable_ascii(hostile).startswith("a ")


def test_words_that_can_be_read_are_left_alone() -> None:
    assert printable("Nguyễn Văn A, 120 mm") == "Nguyễn Văn A, 120 mm"
    assert printable_ascii("C:\\folder é") == "C:/folder ?"


def test_an_error_about_pixels_is_such_a_line() -> None:
    assert str(PixelError("rows\n" + "x" * 1000)) == "rows?" + "x" * (PIXEL_TEXT_MAX - 5)
