"""The conformance statement says what the code does."""

from __future__ import annotations

from pathlib import Path

from pacs.conformance import TABLES, filled
from pacs.upper_layer import Timeouts
from storage.meta import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

_STATEMENT = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"


def test_the_statement_is_up_to_date() -> None:
    text = _STATEMENT.read_text(encoding="utf-8")
    assert filled(text) == text, "run python -m pacs.conformance"


def test_every_table_has_its_place() -> None:
    text = _STATEMENT.read_text(encoding="utf-8")
    assert all(f"<!-- table: {name} -->" in text for name in TABLES)


def test_the_figures_are_those_of_the_code() -> None:
    text = _STATEMENT.read_text(encoding="utf-8")
    timeouts = Timeouts()
    assert f"| {IMPLEMENTATION_CLASS_UID} |" in text
    assert f"| {IMPLEMENTATION_VERSION_NAME} |" in text
    assert f"| ARTIM timer | {timeouts.artim:g} s |" in text
    assert f"| Idle association | ended after {timeouts.idle:g} s |" in text
    assert f"| A PDU under way | ended after {timeouts.pdu:g} s |" in text
