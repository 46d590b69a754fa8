"""How facts read on a page: dates dd/mm/yyyy, times 24 h, names in one line family-middle-given, sizes in words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask
from flask_babel import get_locale, gettext

from storage.names import display as person_name
from viewer import language

_UNITS = ("B", "KB", "MB", "GB", "TB")


def register(app: Flask) -> None:
    """Offer the forms below to templates as filters."""
    filters: dict[str, Callable[..., str]] = {
        "person": person_name,
        "dicom_date": date,
        "dicom_time": time,
        "size": size,
        "decimal": decimal,
        "moment": moment,
        "sex": sex,
    }
    app.jinja_env.filters.update(filters)


def date(value: str) -> str:
    """Return a DICOM date as dd/mm/yyyy; a lone year or month stays one, anything else stays as it came.

    ACR-NEMA's `YYYY.MM.DD` is still sent by old devices (PS3.5 6.2, DA).
    """
    digits = value.replace(".", "").replace("-", "")
    if not digits.isascii() or not digits.isdigit():
        return value
    if len(digits) == 8:
        return f"{digits[6:8]}/{digits[4:6]}/{digits[:4]}"
    if len(digits) == 6:
        return f"{digits[4:6]}/{digits[:4]}"
    return digits if len(digits) == 4 else value


def time(value: str) -> str:
    """Return a DICOM time as hh:mm, anything else as it came."""
    digits = value.replace(":", "")
    return f"{digits[:2]}:{digits[2:4]}" if len(digits) >= 4 and digits[:4].isdigit() else value


def moment(value: str) -> str:
    """Return an ISO 8601 moment as dd/mm/yyyy hh:mm in the computer's zone, anything else as it came."""
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return value
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return parsed.astimezone().strftime("%d/%m/%Y %H:%M")


def decimal(value: str) -> str:
    """Return a decimal string with the decimal sign of the language."""
    return value.replace(".", ",") if language.current() == "vi" else value


def size(count: int) -> str:
    """Return a number of bytes with a decimal unit, with the person's decimal sign."""
    amount = float(count)
    for unit in _UNITS:
        if amount < 1000 or unit == _UNITS[-1]:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{_numeral(amount)} {unit}"
        amount /= 1000
    raise AssertionError("the last unit takes all")


def _numeral(amount: float) -> str:
    locale = get_locale()
    written = f"{amount:.1f}"
    return written.replace(".", ",") if locale is not None and locale.language == "vi" else written


def sex(value: str) -> str:
    """Return Patient's Sex (PS3.3 C.7.1.1) as one short word, anything unknown as it came."""
    words = {"M": gettext("male"), "F": gettext("female"), "O": gettext("other")}
    return str(words.get(value.strip().upper(), value))
