"""The command `filmless`: help, one line per error, exit status."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

from pacs import cli
from pacs.cli import filmless
from storage.archive import Archive
from storage.settings import ArchiveSettings
from tests.support.objects import INSTANCE, ct, store, write_file


def _run(*arguments: str, text: str | None = None) -> tuple[int, str]:
    done = CliRunner().invoke(filmless, list(arguments), input=text)
    return done.exit_code, done.output


def test_help_names_every_command_of_the_contract() -> None:
    status, text = _run("--help")
    assert status == 0
    for command in ("demo", "serve", "import", "verify", "reindex", "user", "token", "peer"):
        assert f"  {command} " in text


@pytest.mark.parametrize("command", sorted(filmless.commands))
def test_every_command_has_help(command: str) -> None:
    status, text = _run(command, "--help")
    assert status == 0
    assert "Usage:" in text


@pytest.mark.parametrize("arguments", [["nonsense"], ["serve", "--nonsense"], ["import"], ["user", "add"]])
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    assert _run(*arguments)[0] == 2


def test_an_error_of_the_archive_is_one_line_and_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["filmless", "verify", "--data", "/dev/null/data"])
    with pytest.raises(SystemExit) as raised:
        cli.main()
    assert raised.value.code == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("filmless: cannot use the data folder /dev/null/data")


def test_import_counts_by_outcome_and_says_what_went_wrong(tmp_path: Path) -> None:
    good = write_file(tmp_path / "in" / "a.dcm", ct())
    (tmp_path / "in" / "again.dcm").write_bytes(good.read_bytes())
    (tmp_path / "in" / "broken.dcm").write_bytes(good.read_bytes()[:-9])
    (tmp_path / "in" / "notes.txt").write_text("hello")
    data = str(tmp_path / "data")
    status, text = _run("import", str(tmp_path / "in"), "--data", data, "--minimum-free-bytes", "0")
    assert status == 1
    assert {"stored: 1", "already stored: 1", "in quarantine: 1", "no DICOM file: 1", "failed: 0"} <= set(
        text.splitlines()
    )
    status, _ = _run("import", str(good), "--data", data, "--minimum-free-bytes", "0")
    assert status == 0


def test_verify_finds_what_is_wrong_and_reindex_mends_what_can_be(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as archive:
        store(archive, ct())
        path = archive.instance(INSTANCE).path
    assert _run("verify", "--data", str(data))[0] == 0
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"?")
    status, text = _run("verify", "--data", str(data))
    assert status == 1
    assert INSTANCE in text
    path.write_bytes(whole)
    (data / "index.sqlite3").unlink()
    assert _run("verify", "--data", str(data))[0] == 1
    status, text = _run("reindex", "--data", str(data))
    assert (status, text.splitlines()[-1].split(" in ")[0]) == (0, "1 objects indexed")
    assert _run("verify", "--data", str(data))[0] == 0


def test_users_and_tokens_by_command(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    password = "a long enough password\n"
    assert _run("user", "add", "anna", "--role", "admin", "--password-stdin", "--data", data, text=password)[0] == 0
    assert "anna\tadmin" in _run("user", "list", "--data", data)[1]
    assert _run("user", "disable", "anna", "--data", data)[0] == 0
    assert "disabled" in _run("user", "list", "--data", data)[1]
    status, token = _run("token", "add", "ward", "--role", "clinician", "--data", data)
    assert status == 0
    assert len(token.strip()) > 20
    assert _run("token", "revoke", "ward", "--data", data)[0] == 0


def test_certificates_and_peers_that_are_spoken_to_with_tls(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    status, text = _run("certificate", str(tmp_path / "tls"), "--host", "127.0.0.1", "--aet", "X")
    assert status == 0
    assert tomllib.loads(text)["dicom_tls_key"] == str(tmp_path / "tls" / "key.pem")
    assert _run("certificate", str(tmp_path / "tls"))[0] == 1
    certificate = str(tmp_path / "tls" / "certificate.pem")
    node = ("AET", "127.0.0.1", "104", "--data", data)
    assert _run("peer", "add", "a", *node, "--tls", "--tls-authorities", certificate, "--commitment")[0] == 0
    assert _run("peer", "list", "--data", data)[1].strip().endswith("query,retrieve tls commitment")
    assert _run("peer", "change", "a", "--reject", "--data", data)[0] == 0
    assert "query,retrieve,reject tls" in _run("peer", "list", "--data", data)[1]
    assert _run("peer", "change", "a", "--no-tls-verify", "--data", data)[0] == 0
    assert "tls-unverified" in _run("peer", "list", "--data", data)[1]
    (tmp_path / "no.pem").write_text("no")
    status, text = _run("peer", "change", "a", "--tls-authorities", str(tmp_path / "no.pem"), "--data", data)
    assert (status, "no trusted certificates" in text) == (2, True)


def test_starting_loads_nothing_that_only_other_commands_use() -> None:
    code = "import sys, pacs.cli; print([n for n in ('rich', 'pynetdicom', 'sqlite_utils') if n in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
