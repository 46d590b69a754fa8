"""Rules of accessibility, as axe-core finds them broken in a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "viewer" / "web" / "node_modules" / "axe-core" / "axe.min.js"
RULES = "{ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }"
"""WCAG 2.2, levels A and AA."""


def broken_rules(page: Page) -> list[str]:
    """What axe-core finds: rule and the elements that break it; skips by name where axe-core is not installed."""
    if not AXE.exists():
        pytest.skip("axe-core is not installed (make web)")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = page.evaluate(f"async () => (await axe.run(document, {RULES})).violations")
    return [f"{one['id']}: {[node['html'][:150] for node in one['nodes'][:4]]}" for one in found]
