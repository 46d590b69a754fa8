"""Forks the archive's processes from one that has imported everything, so that a thousand starts cost seconds.

Speaks lines of JSON: `{"do": "receive" | "recover", "arguments": [...], "faults": {...} | null}` starts a process and
is answered with its `pid`; the processes are the real ones in all but how their modules came to be loaded.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

import pacs.receiver  # noqa: F401 imported before forking
import storage.archive
import storage.recovery
from storage.errors import OutOfSpace
from storage.settings import ArchiveSettings
from tests.chaos import faults


def main() -> None:
    """Fork on request until standard input ends."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _become(request)
        print(json.dumps({"pid": pid}), flush=True)


def _become(request: dict[str, Any]) -> None:
    """Be the process that was asked for, and end with it."""
    status = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(2, 1)
        if request["faults"]:
            faults.install(**request["faults"])
        if request["do"] == "recover":
            _recover(Path(request["arguments"][0]), Path(request["arguments"][1]))
        else:
            sys.argv = ["pacs", *request["arguments"]]
            runpy.run_module("pacs", run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as e:
        status = e.code if isinstance(e.code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stderr.flush()
        os._exit(status)


def _recover(data: Path, result: Path) -> None:
    """What `filmless serve` does before it starts its parts."""
    with storage.archive.Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as archive:
        try:
            found = storage.recovery.recover(archive)
        except OutOfSpace:
            found = storage.recovery.Recovered(0, 0, 0, ())
    facts = {"swept": found.swept, "indexed": found.indexed, "quarantined": found.quarantined}
    result.write_text(json.dumps({**facts, "missing": list(found.missing)}))


if __name__ == "__main__":
    main()
