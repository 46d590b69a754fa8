"""Schemathesis against our OpenAPI document: whatever it makes up is answered as the document says, and never with 500.

Once with UIDs that are made up, too, and once with those of a sample, so that more than the lookup is reached. What
stores and rejects has an archive of its own.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from storage.archive import Archive
from storage.attributes import Level
from storage.query import Query
from storage.records import Role
from storage.settings import ArchiveSettings
from tests.support.web import Server, running
from tests.support.web_peers import Samples, samples

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
READING, CHANGING = ("GET",), ("POST", "DELETE")
HOOKS = '''
import json
import schemathesis


@schemathesis.serializer("multipart/related")
def related(ctx, value):
    """Whatever was made up as one part, said to be metadata or an object by turns."""
    content = value if isinstance(value, bytes) else json.dumps(value, default=str).encode()
    kind = ("application/dicom+json", "application/dicom+xml", "application/dicom")[len(content) % 3]
    data = f"--made-up\\r\\nContent-Type: {kind}\\r\\n\\r\\n".encode() + content + b"\\r\\n--made-up--\\r\\n"
    return {"data": data, "headers": {"Content-Type": f'multipart/related; type="{kind}"; boundary=made-up'}}
'''


def _settings(folder: Path, filled: Samples | None) -> None:
    """What the run is told: how bodies are made, and the UIDs of a sample."""
    (folder / "hooks.py").write_text(HOOKS)
    lines = ['hooks = "hooks.py"', "[parameters]"]
    if filled is not None:
        with Archive.open(ArchiveSettings(filled.data)) as archive:
            one = archive.matching_instances(Query(Level.INSTANCE, limit=1))[0]
        uids = {"study": one.study_instance_uid, "series": one.series_instance_uid, "instance": one.sop_instance_uid}
        known = {**uids, "place": "7FE00010"}
        lines += [f'"path.{name}" = "{value}"' for name, value in known.items()]
    (folder / "schemathesis.toml").write_text("\n".join(lines) + "\n")


def _run(server: Server, token: str, folder: Path, methods: Sequence[str], seconds: int) -> None:
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{server.address}/dicom-web/openapi.json"),
        *("--header", f"Authorization: Bearer {token}"),
        *(word for method in methods for word in ("--include-method", method)),
        *("--checks", CHECKS, "--max-examples", "5", "--seed", "7", "--workers", "1", "--phases", "fuzzing"),
        *("--max-time", str(seconds), "--no-color", "--suppress-health-check", "all", "--request-timeout", "20"),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


@pytest.mark.parametrize("is_known", [False, True], ids=["made-up UIDs", "a sample's UIDs"])
def test_made_up_requests(sample_server: Server, filled: Samples, tmp_path: Path, is_known: bool) -> None:
    _settings(tmp_path, filled if is_known else None)
    _run(sample_server, filled.tokens[Role.ADMIN], tmp_path, READING, 12)


def test_made_up_changes(tmp_path: Path) -> None:
    own = samples(tmp_path / "data", [])
    _settings(tmp_path, None)
    with running(own.data, "--minimum-free-bytes", "0") as server:
        _run(server, own.tokens[Role.ADMIN], tmp_path, CHANGING, 30)
