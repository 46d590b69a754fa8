"""The pure parts of the scripts, run by Node's own test runner; and rules that all scripts keep."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.peers import require_tool
from viewer import language

HERE = Path(__file__).parent
STATIC = language.STATIC
SCRIPTS = sorted((STATIC / "js").rglob("*.js"))


@pytest.mark.parametrize("name", ["cine", "geometry", "images", "windowing"])
def test_in_node(name: str, tmp_path: Path) -> None:
    # Node takes `.js` files for modules where the nearest package.json says so; the project has none.
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copytree(STATIC / "js", tmp_path / "viewer" / "static" / "js")
    tests = shutil.copytree(HERE / "scripts", tmp_path / "tests" / "viewer" / "scripts")
    command = [require_tool("node"), str(tests / f"{name}.test.mjs")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"# pass [1-9]", done.stdout)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_checked_and_free_of_dangerous_calls(path: Path) -> None:
    source = path.read_text("utf-8")
    assert source.startswith("// @ts-check\n")
    assert not re.search(r"\beval\(|new Function|document\.write|insertAdjacentHTML|outerHTML", source)
    # HTML is put in only where our own template made it.
    assert source.count("innerHTML") == {"studies.js": 1, "documents.js": 1, "watch.js": 1}.get(path.name, 0)
