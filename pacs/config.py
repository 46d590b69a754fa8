"""Settings of `filmless` commands: flag, then environment `FILMLESS_*`, then `filmless.toml`, then default."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any

import click

from pacs.tls import PORT, OwnCertificate, TLSSettings
from storage.settings import GIB, ArchiveSettings, Durability

CONFIG_NAME = "filmless.toml"
_ORIGIN = re.compile(r"https?://(?:[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """Everything that `filmless serve` and the processes it starts need to know."""

    data: Path
    aet: str
    dicom_host: str
    dicom_port: int
    http_host: str
    http_port: int
    receivers: int
    web_workers: int
    durability: Durability
    minimum_free_bytes: int
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    rejected_days: int = 30
    store_max_bytes: int = 16 * GIB
    http_redirect_port: int = 0
    hsts_days: int = 0
    cors_origin: tuple[str, ...] = ()
    ohif: Path | None = None
    maximum_answers: int = 10_000
    combined_date_time: bool = False
    dicom_tls_certificate: Path | None = None
    dicom_tls_key: Path | None = None
    dicom_tls_port: int = PORT
    dicom_tls_authorities: Path | None = None
    dicom_tls_require_certificate: bool = True
    unknown_callers: str = "store"
    browser_cache_mb: int = 2048

    def archive(self) -> ArchiveSettings:
        """Return the archive's part of the settings."""
        return ArchiveSettings(self.data, self.durability, self.minimum_free_bytes)


def read_config(path: Path | None) -> dict[str, Any]:
    """Read `filmless.toml`; its keys are the options' names with underscores.

    Raises:
        click.UsageError: it is not valid TOML, or a file that was asked for is not there.
    """
    chosen = path or Path(CONFIG_NAME)
    if path is None and not chosen.exists():
        return {}
    try:
        return tomllib.loads(chosen.read_text(encoding="utf-8"))
    except (OSError, ValueError) as e:
        raise click.UsageError(f"{chosen}: {e}") from e


def option(name: str, **attributes: Any) -> Callable[[Any], Any]:
    """Declare an option that `FILMLESS_<NAME>` and `filmless.toml` may set, too."""
    attributes.setdefault("show_default", True)
    attributes.setdefault("show_envvar", True)
    attributes.setdefault("envvar", f"FILMLESS_{name.upper().replace('-', '_')}")
    return click.option(f"--{name}", **attributes)


data_option = option(
    "data", type=click.Path(file_okay=False, path_type=Path), default=Path("filmless-data"), help="The data folder."
)

retention_option = option(
    "rejected-days",
    default=30,
    type=click.IntRange(0),
    help="After so many days rejected objects are removed for good; 0 keeps them.",
)

FIND_OPTIONS = (
    option(
        "maximum-answers",
        default=10_000,
        type=click.IntRange(1),
        help="After so many answers a query ends with status A700, which says so.",
    ),
    option(
        "combined-date-time/--separate-date-time",
        default=False,
        envvar="FILMLESS_COMBINED_DATE_TIME",
        help="Take a range of dates and one of times in a query for one range, also where that was not negotiated.",
    ),
)
CALLERS_OPTION = option(
    "unknown-callers",
    default="store",
    type=click.Choice(["store", "refuse"]),
    help="What devices may do that are no peers: echo and store, or nothing at all.",
)
_PORT = click.IntRange(0, 65535)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
OWN_CERTIFICATE_OPTIONS = (
    option("dicom-tls-certificate", type=_FILE, help="Own certificate for DICOM over TLS, both ways (PEM)."),
    option("dicom-tls-key", type=_FILE, help="Key of that certificate (PEM)."),
)
TLS_OPTIONS = (
    *OWN_CERTIFICATE_OPTIONS,
    option("dicom-tls-port", default=PORT, type=_PORT, help="Port to listen on for DICOM over TLS; 0 for none."),
    option(
        "dicom-tls-authorities", type=_FILE, help="Whose certificates devices may show: theirs or their CA's (PEM)."
    ),
    option(
        "dicom-tls-require-certificate/--dicom-tls-any-device",
        default=True,
        envvar="FILMLESS_DICOM_TLS_REQUIRE_CERTIFICATE",
        help="Take only devices that show such a certificate.",
    ),
)
WEB_OPTIONS = (
    option(
        "store-max-bytes",
        default=16 * GIB,
        type=click.IntRange(1),
        help="The largest request that brings objects in over HTTP (STOW-RS).",
    ),
    option(
        "http-redirect-port",
        default=0,
        type=_PORT,
        help="With HTTPS: a second port, without TLS, whose only answer is the address with https; 0 for none.",
    ),
    option(
        "hsts-days",
        default=0,
        type=click.IntRange(0),
        help="With HTTPS: tell browsers to use nothing else for so many days (Strict-Transport-Security); 0 does not.",
    ),
    option(
        "cors-origin",
        multiple=True,
        help="An origin (https://viewer.example) whose pages may use DICOMweb here; may be given more than once.",
    ),
    option(
        "browser-cache-mb",
        default=2048,
        type=click.IntRange(0, 1 << 20),
        help="So many MiB of opened images a browser may keep for its next visit, until sign-out; 0 forbids it.",
    ),
    option(
        "ohif", type=click.Path(exists=True, file_okay=False, path_type=Path), help="A built OHIF, shown at /ohif/."
    ),
)
_SERVE_OPTIONS = (
    data_option,
    option("aet", default="FILMLESS", help="Own AE title, told to scanners."),
    option("dicom-host", default="0.0.0.0", help="Address to listen on for DICOM."),
    option("dicom-port", default=11112, type=_PORT, help="Port to listen on for DICOM."),
    CALLERS_OPTION,
    option("http-host", default="0.0.0.0", help="Address to listen on for browsers."),
    option("http-port", default=8080, type=_PORT, help="Port to listen on for browsers."),
    option("receivers", default=2, type=click.IntRange(1, 64), help="DICOM receiver processes."),
    option("web-workers", default=2, type=click.IntRange(1, 64), help="Web processes."),
    option(
        "durability",
        default=Durability.FULL.value,
        type=click.Choice([d.value for d in Durability]),
        help="full: an object is on stable storage before it is acknowledged. relaxed: a power cut may lose the last "
        "seconds of acknowledged objects; only for copies of what is kept elsewhere.",
    ),
    option(
        "minimum-free-bytes",
        default=GIB,
        type=click.IntRange(0),
        help="Below so much free disk space new objects are refused.",
    ),
    *FIND_OPTIONS,
    *TLS_OPTIONS,
    retention_option,
    *WEB_OPTIONS,
    option("tls-certificate", type=click.Path(exists=True, path_type=Path), help="Serve browsers HTTPS with this."),
    option("tls-key", type=click.Path(exists=True, path_type=Path), help="Key of the certificate."),
)


def options(*several: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Add several options to a command, to be listed in this order."""
    return lambda command: reduce(lambda decorated, add: add(decorated), reversed(several), command)


def serve_options(command: Any) -> Any:
    """Add the options of `ServeSettings` to a command."""
    return options(*_SERVE_OPTIONS)(command)


def serve_settings(**values: Any) -> ServeSettings:
    """Build the settings from a command's parameters.

    Raises:
        click.UsageError: an AE title that PS3.5 6.2 does not allow, or half of a certificate and key.
    """
    aet = values["aet"]
    if not 1 <= len(aet.strip()) <= 16 or "\\" in aet or not aet.isascii() or not aet.isprintable():
        raise click.UsageError(f"--aet {aet!r}: an AE title has 1 to 16 printable ASCII characters and no backslash")
    if (values["tls_certificate"] is None) != (values["tls_key"] is None):
        raise click.UsageError("--tls-certificate and --tls-key go together")
    for origin in values["cors_origin"]:
        if not _ORIGIN.fullmatch(origin):
            raise click.UsageError(
                f"--cors-origin {origin!r}: an origin is https://host or http://host, with or without a port"
            )
    dicom_tls(**values)
    origins = tuple(values["cors_origin"])
    return ServeSettings(**{**values, "durability": Durability(values["durability"]), "cors_origin": origins})


def own_certificate(**values: Any) -> OwnCertificate | None:
    """Return what we show to peers that are spoken to with TLS, from a command's parameters.

    Raises:
        click.UsageError: half of a certificate and key.
    """
    certificate, key = values["dicom_tls_certificate"], values["dicom_tls_key"]
    if (certificate is None) != (key is None):
        raise click.UsageError("--dicom-tls-certificate and --dicom-tls-key go together")
    return None if certificate is None else OwnCertificate(certificate, key)


def dicom_tls(**values: Any) -> TLSSettings | None:
    """Return how associations over TLS are taken, from a command's parameters; None for not at all.

    Raises:
        click.UsageError: half of a certificate and key, or certificates required and nobody's trusted.
    """
    own, port = own_certificate(**values), values["dicom_tls_port"]
    authorities, required = values["dicom_tls_authorities"], values["dicom_tls_require_certificate"]
    if own is None or not port:
        return None
    if required and authorities is None:
        raise click.UsageError("--dicom-tls-authorities says whose certificates are taken; or --dicom-tls-any-device")
    return TLSSettings(port, own, authorities, required)
