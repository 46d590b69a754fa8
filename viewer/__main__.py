"""`python -m viewer`: the web side as a process of its own; `filmless serve` starts it this way."""

from __future__ import annotations

import argparse
import logging
import sys
from dataclasses import replace
from pathlib import Path

from storage.archive import Archive
from storage.errors import StorageError
from storage.records import Records
from viewer.config import ViewerSettings
from viewer.server import CannotListen, free_port, serve


def main(argv: list[str] | None = None) -> int:
    """Serve; return 0 after a stop by signal, 1 when it cannot start, 2 for wrong usage."""
    settings = _settings(_parser().parse_args(argv))
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        _check_data(settings)
        if settings.http_port == 0:
            settings = replace(settings, http_port=free_port(settings.http_host))
        serve(settings)
    except (StorageError, CannotListen) as error:
        print(f"filmless viewer: {error}", file=sys.stderr)
        return 1
    return 0


def _check_data(settings: ViewerSettings) -> None:
    """Open and migrate once, before there are workers: what is wrong is said in one line, once."""
    Records.open(settings.data).close()
    Archive.open(settings.archive()).close()


def _settings(args: argparse.Namespace) -> ViewerSettings:
    return ViewerSettings(
        data=args.data,
        http_host=args.http_host,
        http_port=args.http_port,
        dicom_host=args.dicom_host,
        dicom_port=args.dicom_port,
        dicom_tls_port=args.dicom_tls_port,
        aet=args.aet,
        takes_unknown_callers=args.unknown_callers == "store",
        minimum_free_bytes=args.minimum_free_bytes,
        workers=args.workers,
        threads=args.threads,
        tls_certificate=args.tls_certificate,
        tls_key=args.tls_key,
        store_max_bytes=args.store_max_bytes,
        rejected_days=args.rejected_days,
        http_redirect_port=args.http_redirect_port,
        hsts_days=args.hsts_days,
        cors_origins=tuple(args.cors_origin),
        ohif=args.ohif,
        browser_cache_mb=args.browser_cache_mb,
    )


def _parser() -> argparse.ArgumentParser:
    default = ViewerSettings(data=Path())
    parser = argparse.ArgumentParser(prog="python -m viewer", description="Serve the web pages of one data folder.")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="the data folder")
    parser.add_argument("--http-host", default=default.http_host, help="address to listen on (%(default)s)")
    parser.add_argument("--http-port", type=_port, default=default.http_port, help="port, 0 for any (%(default)s)")
    parser.add_argument("--dicom-host", default=default.dicom_host, help="where the receiver listens (%(default)s)")
    parser.add_argument("--dicom-port", type=_port, default=default.dicom_port, help="its port (%(default)s)")
    parser.add_argument("--unknown-callers", choices=("store", "refuse"), default="store", help="what strangers may do")
    parser.add_argument("--dicom-tls-port", type=_port, default=0, help="its port for TLS, 0 for none (%(default)s)")
    parser.add_argument("--aet", default=default.aet, help="its AE title (%(default)s)")
    parser.add_argument(
        "--minimum-free-bytes", type=int, default=default.minimum_free_bytes, help="mark of the receivers (%(default)s)"
    )
    parser.add_argument("--workers", type=_count, default=default.workers, help="web processes (%(default)s)")
    parser.add_argument("--threads", type=_count, default=default.threads, help="threads of each (%(default)s)")
    parser.add_argument("--tls-certificate", type=Path, metavar="PEM", help="certificate; with --tls-key, serves https")
    parser.add_argument(
        "--store-max-bytes", type=int, default=default.store_max_bytes, help="largest STOW request (%(default)s)"
    )
    parser.add_argument(
        "--rejected-days", type=int, default=default.rejected_days, help="retention told on pages (%(default)s)"
    )
    parser.add_argument("--tls-key", type=Path, metavar="PEM", help="private key of the certificate")
    parser.add_argument(
        "--http-redirect-port", type=_port, default=0, help="with TLS: a plain port that leads to https; 0 for none"
    )
    parser.add_argument("--hsts-days", type=int, default=0, help="with TLS: how long browsers are told to stay with it")
    parser.add_argument(
        "--cors-origin", action="append", default=[], metavar="ORIGIN", help="whose pages may use DICOMweb here"
    )
    parser.add_argument(
        "--browser-cache-mb",
        type=int,
        default=default.browser_cache_mb,
        help="MiB of images that a browser may keep, 0 for none (%(default)s)",
    )
    parser.add_argument("--ohif", type=Path, metavar="DIR", help="a built OHIF, shown at /ohif/")
    return parser


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 256:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 256")
    return value


if __name__ == "__main__":
    sys.exit(main())
