"""Folding of names for search."""

from __future__ import annotations

import time
import unicodedata
from fnmatch import fnmatchcase

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from storage import names
from storage.names import display, fold, tokens


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Đức Nguyễn", "duc nguyen"),
        ("NGUYEN^VAN^DUC", "Nguyễn Văn Đức"),
        ("Trần^Thị^Bình=", "tran thi binh"),
        ("  Lê   Thị ", "le thi"),
        ("Øster^Łukasz", "oster lukasz"),
        ("Ｙａｍａｄａ", "yamada"),
        ("Straße", "STRASSE"),
        ("ẞ", "ss"),
        ("İstanbul", "istanbul"),
        ("a=b\\c,d;e", "a b c d e"),
    ],
)
def test_spellings_of_one_name_fold_alike(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_different_names_stay_different() -> None:
    assert fold("Nguyễn Văn Đức") != fold("Nguyễn Văn Đực Hai")
    assert fold("山田") != fold("山本")


@given(st.text())
@example("℡")
@example("𝐃𝐮𝐜")
@example("ǅ")
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
@example("Đ")
def test_composed_and_decomposed_are_the_same(text: str) -> None:
    assert fold(unicodedata.normalize("NFC", text)) == fold(unicodedata.normalize("NFD", text))


@given(st.text(st.characters(max_codepoint=0x1EFF, exclude_categories=["Cs"])))
@example("ſ")
def test_case_does_not_count(text: str) -> None:
    # İ has two lower-case letters, and upper-casing ŉ splits it: both still fold alike.
    assert fold(text.upper()) == fold(text.upper().lower())


@given(st.text())
def test_folded_text_holds_no_delimiters_and_single_spaces(text: str) -> None:
    folded = fold(text)
    assert not set(folded) & set("^=\\,;")
    assert folded == " ".join(folded.split())
    assert tokens(text) == tuple(folded.split())


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Nguyễn^Văn^Đức", "Nguyễn Văn Đức"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "山田 太郎 (Yamada Tarou)"),
        ("=山田^太郎", "山田 太郎"),
        ("", ""),
        ("^^^^", ""),
        ("==", ""),
        ("A^B^C^D^E", "A B C D E"),
    ],
)
def test_a_name_is_one_line_for_people(value: str, shown: str) -> None:
    assert display(value) == shown


@pytest.mark.parametrize("pattern", ["*" * 64 + "!", "*?" * 40 + "!", "*a" * 40 + "!", "?*" * 30 + "a!"])
def test_no_pattern_takes_long(pattern: str) -> None:
    began = time.process_time()
    assert not names.pattern_matches(pattern, "a" * 64)
    assert not names.a_group_matches("a" * 64 + "=" + "a" * 64, pattern)
    assert time.process_time() - began < 0.5


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_patterns_mean_what_they_mean_to_the_shell(pattern: str, value: str) -> None:
    assert names.pattern_matches(pattern, value) == fnmatchcase(value, pattern)
