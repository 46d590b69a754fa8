"""Text passes WCAG AA: 4.5 to 1 for every pair of text and ground that the sheet uses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from viewer import language

SHEET = (Path(language.__file__).parent / "static" / "filmless.css").read_text("utf-8")
TOKENS = dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6});", SHEET))

GROUNDS = ("ground", "panel", "raised", "hover")
PAIRS = [
    *((text, ground) for text in ("text", "text-soft", "accent") for ground in GROUNDS),
    *(("text-faint", ground) for ground in ("ground", "panel", "raised", "hover")),
    ("text", "accent-ground"),
    ("text-soft", "accent-ground"),
    ("accent", "accent-ground"),
    ("on-accent", "accent"),
    ("good", "ground"),
    ("warn", "panel"),
    ("warn", "warn-ground"),
    ("bad", "bad-ground"),
    ("image-text", "image-ground"),
    ("mark", "image-ground"),
]


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_the_formula_knows_black_on_white() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_is_readable(text: str, ground: str) -> None:
    assert contrast(TOKENS[text], TOKENS[ground]) >= 4.5


def test_colours_are_tokens() -> None:
    rules = SHEET[SHEET.index("*, *::before") :]
    assert re.findall(r"(?<![-\w])(?:color|background|border(?:-\w+)?):[^;{}]*#[0-9a-f]{3,6}", rules) == []
