"""Raw values to text and numbers, whatever devices send."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.charset import python_encoding

from storage.text import decode, encodings, integer


@pytest.mark.parametrize(
    ("charset", "raw", "expected"),
    [
        (b"ISO_IR 192", "Nguyễn^Văn^Đức ".encode(), "Nguyễn^Văn^Đức"),
        (b"ISO_IR 100", "Buc^Jérôme".encode("latin-1"), "Buc^Jérôme"),
        (b"ISO_IR 144 ", "Люкceмбypг".encode("iso8859-5"), "Люкceмбypг"),
        (b"GB18030", "王^小东".encode("gb18030"), "王^小东"),
        (b"ISO_IR 13", b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3", "ﾔﾏﾀﾞ^ﾀﾛｳ"),
        (
            b"\\ISO 2022 IR 87",
            b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
            "Yamada^Tarou=山田^太郎=やまだ^たろう",
        ),
        (b"", "Đức".encode(), "Đức"),  # undeclared, but UTF-8
        (b"", b"J\xe9r\xf4me", "Jérôme"),  # undeclared
        (b"ISO-IR 100", b"J\xe9r\xf4me", "Jérôme"),  # misspelt
        (b"NO_SUCH", b"J\xe9r\xf4me", "Jérôme"),
        (b"ISO_IR 192", b"A\xffB", "A\ufffdB"),
        (b"ISO_IR 192", b"AB \0", "AB"),
        (b"ISO_IR 192", b" A \\ B\0", "A\\B"),
    ],
)
def test_text_is_decoded_by_the_declared_character_set_or_a_guess(charset: bytes, raw: bytes, expected: str) -> None:
    assert decode(raw, encodings(charset), person_name=True) == expected


@pytest.mark.parametrize("name", [b"utf_7", b"unicode_escape", b"hex", b"rot13", b"undefined", b"a\0b", b"\xff"])
def test_an_object_cannot_choose_a_codec_of_python(name: bytes) -> None:
    assert set(encodings(name)) <= set(python_encoding.values())
    assert decode(rb"\ud800+AGE-\xe9", encodings(name)) == rb"\ud800+AGE-\xe9".decode()


def test_a_nul_inside_does_not_end_the_value() -> None:
    assert decode(b"A\0B\0", encodings(b"")) == "A\ufffdB"


_CHARSETS = st.one_of(
    st.sampled_from([name.encode() for name in python_encoding]),
    st.lists(st.sampled_from([name.encode() for name in python_encoding]), max_size=4).map(b"\\".join),
    st.binary(max_size=40),
)


@given(_CHARSETS, st.binary(max_size=200), st.booleans())
def test_no_bytes_can_do_more_than_be_replaced(charset: bytes, raw: bytes, person_name: bool) -> None:
    text = decode(raw, encodings(charset), person_name=person_name)
    assert "\0" not in text
    text.encode("utf-8")  # SQLite and JSON take no lone surrogates


@given(_CHARSETS, st.lists(st.sampled_from([b"\x1b$B", b"\x1b(B", b"\x1b$)C", b"\x1b-A", b"^", b"\\", b";3", b"\xb0"])))
def test_escapes_out_of_place_are_no_obstacle(charset: bytes, parts: list[bytes]) -> None:
    decode(b"".join(parts), encodings(charset), person_name=True).encode("utf-8")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"1 ", 1),
        (b" -7\0", -7),
        (b"+3", 3),
        (b"12.0", 12),
        (b"1\\2", 1),
        (b"2147483647", 2**31 - 1),
        (b"-2147483648", -(2**31)),
        (b"2147483648", None),
        (b"99999999999999999999", None),
        (b"1e400", None),
        (b"nan", None),
        (b"", None),
        (b"  ", None),
        (b"one", None),
        (b"\xff", None),
    ],
)
def test_integer_strings(raw: bytes, expected: int | None) -> None:
    assert integer(raw) == expected
