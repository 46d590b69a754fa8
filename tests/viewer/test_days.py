"""Days as people type them: how they are read, and what the study list says of those that are none."""

from __future__ import annotations

import html
import re
from datetime import date
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from tests.support.days import SPELLINGS
from viewer import days
from viewer.study_search import Search, parse

DAYS = st.dates(date(days.FIRST_YEAR, 1, 1), date(days.LAST_YEAR, 12, 31))
FORMS = ("{d:02}/{m:02}/{y}", "{d}/{m}/{y}", "{d}-{m:02}-{y}", "{d}.{m}.{y}", "{d:02}{m:02}{y}",
         "{y}-{m:02}-{d:02}", "{y}{m:02}{d:02}", " {d}/{m}/{y} ")  # fmt: skip


@pytest.mark.parametrize(("typed", "day"), SPELLINGS.items())
def test_spellings(typed: str, day: date | None) -> None:
    assert days.read(typed) == day


@given(DAYS, st.sampled_from(FORMS))
def test_every_day_is_read_from_every_form(day: date, form: str) -> None:
    assert days.read(form.format(d=day.day, m=day.month, y=day.year)) == day


@given(DAYS)
def test_what_is_shown_and_what_addresses_hold_is_read_again(day: date) -> None:
    assert days.read(days.shown(day)) == day
    search = Search(first=day, last=day)
    assert search.address() == f"/?from={day.isoformat()}&to={day.isoformat()}"
    assert parse({"from": [day.isoformat()], "to": [day.isoformat()]}) == search


@given(st.text(st.sampled_from("0123456789/-. ٣²a"), max_size=14))
def test_anything_is_one_day_or_none(text: str) -> None:
    day = days.read(text)
    assert day is None or days.FIRST_YEAR <= day.year <= days.LAST_YEAR


@pytest.mark.parametrize(
    ("language", "wrong", "reversed_range"),
    [("vi", "Đây không phải là ngày", "Ngày này ở trước"), ("en", "This is not a date", "This day is before")],
)
def test_the_list_shows_days_as_its_rows_and_says_what_is_wrong(
    client: FlaskClient, language: str, wrong: str, reversed_range: str
) -> None:
    def page(asked: str) -> str:
        answer = client.get(f"/?{asked}", headers={"Accept": "text/html", "Accept-Language": language})
        return html.unescape(answer.text)

    good = page("from=2026-01-02&to=" + quote("3/1/26"))
    assert 'name="from" value="02/01/2026"' in good
    assert 'name="to" value="03/01/2026"' in good
    assert _problems(good) == ["", ""]
    assert "aria-invalid" not in good
    assert "from=2026-01-02&to=2026-01-03&modality=CT" in good, "links hold ISO dates"
    bad = page("from=" + quote("31/02/2026"))
    assert 'name="from" value="31/02/2026"' in bad
    assert bad.count("aria-invalid") == 1
    first, last = _problems(bad)
    assert first.startswith(wrong)
    assert last == ""
    first, last = _problems(page("from=2026-01-02&to=2026-01-01"))
    assert first == ""
    assert last.startswith(reversed_range)


def _problems(page: str) -> list[str]:
    return re.findall(r'id="(?:from|to)-problem" role="alert">([^<]*)<', page)
