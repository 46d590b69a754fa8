"""Schemathesis against our OpenAPI document: whatever it makes up is answered as the document says, and never with 500.

Only reading: what would store, reject or delete is made up by tests of our own. Once with UIDs that are made up, too,
and once with those of a sample, so that more than the lookup is reached.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from storage.archive import Archive
from storage.attributes import Level
from storage.query import Query
from storage.records import Role
from storage.settings import ArchiveSettings
from tests.support.web import Server
from tests.support.web_peers import Samples

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


def _names_a_sample(filled: Samples, folder: Path) -> None:
    with Archive.open(ArchiveSettings(filled.data)) as archive:
        one = archive.matching_instances(Query(Level.INSTANCE, limit=1))[0]
    uids = {"study": one.study_instance_uid, "series": one.series_instance_uid, "instance": one.sop_instance_uid}
    lines = [f'"path.{name}" = "{uid}"' for name, uid in uids.items()]
    (folder / "schemathesis.toml").write_text("[parameters]\n" + "\n".join(lines) + '\n"path.place" = "7FE00010"\n')


@pytest.mark.parametrize("is_known", [False, True], ids=["made-up UIDs", "a sample's UIDs"])
def test_made_up_requests(sample_server: Server, filled: Samples, tmp_path: Path, is_known: bool) -> None:
    if is_known:
        _names_a_sample(filled, tmp_path)
    command = [
        *(
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            f"{sample_server.address}/dicom-web/openapi.json",
        ),
        *("--header", f"Authorization: Bearer {filled.tokens[Role.ADMIN]}", "--include-method", "GET"),
        *("--checks", CHECKS, "--max-examples", "5", "--seed", "7", "--workers", "1", "--phases", "fuzzing"),
        *("--max-time", "12", "--no-color", "--suppress-health-check", "all", "--request-timeout", "20"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
