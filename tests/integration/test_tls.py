"""`filmless serve` with a port for DICOM over TLS."""

from __future__ import annotations

from pathlib import Path

from pacs.tls import make_certificate
from storage.archive import Archive
from storage.settings import ArchiveSettings
from tests.support.objects import INSTANCE, ct, write_file
from tests.support.peers import free_port, run_tool
from tests.support.server import serving


def test_a_scanner_sends_over_tls_to_the_running_archive(tmp_path: Path) -> None:
    ours = make_certificate(tmp_path / "ours", "FILMLESS", ["127.0.0.1"])
    theirs = make_certificate(tmp_path / "theirs", "SCANNER")
    port = free_port()
    options = ["--dicom-tls-certificate", ours.certificate, "--dicom-tls-key", ours.key, "--dicom-tls-port", port]
    options += ["--dicom-tls-authorities", theirs.certificate, "--web-workers", 1]
    path = write_file(tmp_path / "a.dcm", ct())
    with serving(tmp_path, *map(str, options)) as running:
        keys = ["+tls", theirs.key, theirs.certificate, "+cf", ours.certificate]
        run_tool("storescu", *keys, "127.0.0.1", port, path)
        assert run_tool("storescu", "+tla", "-ic", "127.0.0.1", port, path, check=False).returncode != 0
        assert f"DICOM over TLS: 127.0.0.1 port {port}" in running.log.read_text()
        with Archive.open(ArchiveSettings(running.data, minimum_free_bytes=0)) as archive:
            assert archive.instance(INSTANCE)
