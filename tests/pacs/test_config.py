"""Where settings come from: flag, environment, file, default."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pacs.cli import filmless
from pacs.commands import serve
from pacs.config import ServeSettings, read_config
from storage.settings import Durability


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[ServeSettings]:
    """The settings that `filmless serve` would run with."""
    seen: list[ServeSettings] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(serve, "run", seen.append)
    return seen


def _serve(*arguments: str, env: dict[str, str] | None = None) -> int:
    return CliRunner().invoke(filmless, ["serve", *arguments], env=env).exit_code


def test_defaults(given: list[ServeSettings]) -> None:
    assert _serve() == 0
    (s,) = given
    assert (s.data, s.aet, s.dicom_port, s.http_port) == (Path("filmless-data"), "FILMLESS", 11112, 8080)
    assert s.durability is Durability.FULL


def test_a_flag_goes_before_the_environment_and_that_before_the_file(given: list[ServeSettings]) -> None:
    Path("filmless.toml").write_text('aet = "FILE"\ndicom_port = 1\nhttp_port = 2\nreceivers = 3\n')
    env = {"FILMLESS_AET": "ENV", "FILMLESS_DICOM_PORT": "11"}
    assert _serve("--aet", "FLAG", env=env) == 0
    (s,) = given
    assert (s.aet, s.dicom_port, s.http_port, s.receivers) == ("FLAG", 11, 2, 3)


def test_another_file_is_read_when_asked_for(given: list[ServeSettings], tmp_path: Path) -> None:
    Path("other.toml").write_text('durability = "relaxed"\n')
    assert CliRunner().invoke(filmless, ["--config", "other.toml", "serve"]).exit_code == 0
    assert given[0].durability is Durability.RELAXED
    assert given[0].archive().durability is Durability.RELAXED


def test_the_file_holds_for_commands_below_a_group_too(given: list[ServeSettings], tmp_path: Path) -> None:
    Path("filmless.toml").write_text('data = "elsewhere"\n')
    done = CliRunner().invoke(filmless, ["user", "list"])
    assert done.exit_code == 0, done.output
    assert Path("elsewhere").is_dir()
    assert not Path("filmless-data").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--aet", ""],
        ["--aet", "SEVENTEEN_LETTERS"],
        ["--aet", "A\\B"],
        ["--aet", "BÌNH"],
        ["--dicom-port", "65536"],
        ["--receivers", "0"],
        ["--durability", "maybe"],
        ["--tls-key", "/dev/null"],
        ["--dicom-tls-key", "/etc/hosts"],
        ["--dicom-tls-key", "/etc/hosts", "--dicom-tls-certificate", "/etc/hosts"],
    ],
)
def test_wrong_values_are_wrong_usage(given: list[ServeSettings], arguments: list[str]) -> None:
    assert _serve(*arguments) == 2
    assert given == []


def test_a_file_that_is_no_toml_is_wrong_usage(given: list[ServeSettings]) -> None:
    Path("filmless.toml").write_text("data = \n")
    assert _serve() == 2


def test_a_file_that_was_asked_for_and_is_not_there_is_wrong_usage() -> None:
    with pytest.raises(click.UsageError, match=r"none\.toml"):
        read_config(Path("none.toml"))


def test_dicom_over_tls(given: list[ServeSettings]) -> None:
    for name in ("c", "k", "a"):
        Path(name).write_text("")
    keys = ["--dicom-tls-certificate", "c", "--dicom-tls-key", "k"]
    assert _serve(*keys, "--dicom-tls-authorities", "a") == 0
    assert _serve(*keys, "--dicom-tls-any-device", "--dicom-tls-port", "0") == 0
    required, anybody = given
    assert (required.dicom_tls_port, required.dicom_tls_require_certificate) == (2762, True)
    assert not anybody.dicom_tls_require_certificate


@pytest.mark.parametrize("origin", ["*", "viewer.example", "https://a/b", "null", "ftp://a", "https://a b"])
def test_an_origin_that_is_none_is_refused(given: list[ServeSettings], origin: str) -> None:
    assert _serve("--cors-origin", origin) == 2
    assert given == []


def test_origins_come_from_flags_the_environment_and_the_file(given: list[ServeSettings]) -> None:
    assert _serve("--cors-origin", "https://a", "--cors-origin", "http://b:3000") == 0
    assert _serve(env={"FILMLESS_CORS_ORIGIN": "https://c https://d"}) == 0
    Path("filmless.toml").write_text('cors_origin = ["https://e"]\n')
    assert _serve() == 0
    assert [s.cors_origin for s in given] == [
        ("https://a", "http://b:3000"),
        ("https://c", "https://d"),
        ("https://e",),
    ]
