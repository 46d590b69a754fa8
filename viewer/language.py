"""Which language a page speaks, and the words that its scripts use.

Texts in the sources are English and are their own key; `translations/vi` holds the Vietnamese. Scripts mark theirs with
`t("...")`; a page hands them over as a JSON block, so that there is one catalogue.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from flask import Flask, request
from flask_babel import Babel, get_locale, gettext

LANGUAGES = {"vi": "Tiếng Việt", "en": "English"}
DEFAULT = "vi"
COOKIE = "filmless_language"

STATIC = Path(__file__).parent / "static"
_MARKED = re.compile(r"""\bt\(\s*"((?:[^"\\]|\\.)*)"\s*[,)]""")


def register(app: Flask) -> None:
    """Give `app` its languages."""
    app.config["BABEL_DEFAULT_LOCALE"] = "en"
    Babel(app, locale_selector=choose, default_translation_directories="translations")


def choose() -> str:
    """Return the language of this request: the person's choice, else the browser's, else Vietnamese."""
    chosen = request.cookies.get(COOKIE)
    if chosen in LANGUAGES:
        return chosen
    return request.accept_languages.best_match(list(LANGUAGES), DEFAULT) or DEFAULT


def current() -> str:
    """Return the language in use."""
    return str(get_locale() or DEFAULT)


def script_words() -> dict[str, str]:
    """Return what scripts may say, from the English text to the present language."""
    return {text: gettext(text) for text in marked_in_scripts()}


@cache
def marked_in_scripts() -> tuple[str, ...]:
    """Return the texts marked with `t("...")` in our scripts."""
    found: set[str] = set()
    for path in sorted((STATIC / "js").rglob("*.js")):
        found.update(marked(path.read_text("utf-8")))
    return tuple(sorted(found))


def marked(source: str) -> list[str]:
    """Return the texts that a script's source marks."""
    return [text.replace('\\"', '"') for text in _MARKED.findall(source)]
