"""`python -m pacs`: one DICOM receiver, as `filmless serve` or systemd starts it."""

from __future__ import annotations

import gc
import signal
import sys
from pathlib import Path
from typing import Any

import click

from pacs.application import Application, FindSettings
from pacs.config import (
    CALLERS_OPTION,
    FIND_OPTIONS,
    TLS_OPTIONS,
    data_option,
    dicom_tls,
    option,
    options,
    own_certificate,
)
from pacs.logs import set_up_logging
from pacs.ports import PortInUse
from pacs.receiver import Receiver, ReceiverSettings
from pacs.tls import TLSError
from storage.archive import Archive
from storage.errors import StorageError
from storage.records import Records
from storage.settings import GIB, ArchiveSettings, Durability


@click.command()
@data_option
@option("aet", default="FILMLESS", help="Own AE title.")
@option("dicom-host", default="0.0.0.0", help="Address to listen on.")
@option("dicom-port", default=11112, help="Port to listen on; several receivers may share it.")
@option("durability", default=Durability.FULL.value, type=click.Choice([d.value for d in Durability]))
@option("minimum-free-bytes", default=GIB, help="Below so much free disk space new objects are refused.")
@options(CALLERS_OPTION, *FIND_OPTIONS, *TLS_OPTIONS)
def receive(data: Path, **values: Any) -> None:
    """Run one DICOM receiver in the foreground."""
    set_up_logging()
    settings = ArchiveSettings(data, Durability(values["durability"]), values["minimum_free_bytes"])
    try:
        with Archive.open(settings) as archive, Records.open(data) as records:
            find = FindSettings(values["maximum_answers"], values["combined_date_time"])
            application = Application(archive, records, values["aet"], find, own_certificate(**values))
            where = ReceiverSettings(
                values["dicom_host"],
                values["dicom_port"],
                values["aet"],
                tls=dicom_tls(**values),
                takes_unknown_callers=values["unknown_callers"] == "store",
            )
            receiver = Receiver(application, where)
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: receiver.stop())
            # A search for garbage stops all associations, and among all that was made by now there is none.
            gc.collect()
            gc.freeze()
            receiver.serve()
    except (StorageError, PortInUse, TLSError) as e:
        print(f"filmless: {e}", file=sys.stderr)
        sys.exit(1)


receive()
