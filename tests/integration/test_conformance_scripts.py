"""The scripts of the conformance statement, run as they stand there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pacs.application import Application
from pacs.receiver import Receiver
from storage.archive import Archive
from storage.records import Peer
from tests.support.objects import INSTANCE, ct, store, write_file
from tests.support.peers import free_port, require_tool
from tests.support.processes import ROOT

_BLOCKS = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def _scripts() -> dict[str, str]:
    return dict(_BLOCKS.findall((ROOT / "docs" / "conformance.md").read_text(encoding="utf-8")))


def _path(folder: Path) -> str:
    """Where programs are: our own, and those of the system; pynetdicom's have the same names as DCMTK's."""
    ours = Path(sys.executable).parent
    folder.mkdir()
    (folder / "filmless").symlink_to(ours / "filmless")
    return ":".join([str(folder), *(p for p in os.environ["PATH"].split(":") if Path(p) != ours)])


@pytest.fixture
def port(receiver: Callable[..., Receiver]) -> int:
    return receiver().port


def test_the_shell_script_stores_finds_gets_and_moves(
    port: int, application: Application, archive: Archive, tmp_path: Path
) -> None:
    for tool in ("storescu", "storescp", "findscu", "getscu", "movescu", "dcmdump"):
        require_tool(tool)
    for n in range(3):
        write_file(tmp_path / "files" / f"{n}.dcm", ct(SOPInstanceUID=f"{INSTANCE}.{n}"))
    told = {
        "DATA": archive.data, "FILES": tmp_path / "files", "HOST": "127.0.0.1", "PORT": port, "MOVED": free_port(),
        "PATH": _path(tmp_path / "bin"), "TMPDIR": tmp_path,
    }  # fmt: skip
    done = subprocess.run(
        ["sh", "-c", _scripts()["sh"]],
        env={**os.environ, **{k: str(v) for k, v in told.items()}},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "retrieved 3, moved 3" in done.stdout
    assert application.records.peers.list() == []


def test_the_python_script_prints_what_it_finds(
    port: int, application: Application, archive: Archive, capsys: pytest.CaptureFixture[str]
) -> None:
    application.records.peers.add(Peer("ws", "TRY_WS", "127.0.0.1", 104))
    store(archive, ct())
    exec(compile(_scripts()["python"], "conformance.md", "exec"), {"HOST": "127.0.0.1", "PORT": port})
    assert capsys.readouterr().out.splitlines() == ["FF00 Nguyễn^Văn^Đức", "0000 "]
