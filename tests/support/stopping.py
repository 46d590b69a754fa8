"""Processes that kill themselves before a step of their work, so that every place to be stopped at can be tried."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from storage.archive import Archive
from storage.rejection import Reason, Target
from storage.settings import ArchiveSettings

_CHANGES = frozenset({"os.mkdir", "os.rename", "os.remove", "os.rmdir", "open", "shutil.rmtree"})
_INDEX_CALLS = ("hide", "unhide", "forget")


def stopped_at(data: Path, action: str, study: str, step: int) -> bool:
    """Do `reject`, `restore` or `remove` in a process that is killed before its change `step`; False if it ends."""
    # Forked from a process without threads that has imported everything already.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_act, args=(data, action, study, step))
    process.start()
    process.join(60)
    assert process.exitcode in (0, -signal.SIGKILL), process.exitcode
    return process.exitcode != 0


def _act(data: Path, action: str, study: str, step: int) -> None:
    with Archive.open(ArchiveSettings(data, minimum_free_bytes=0)) as archive:
        _die_before(step, archive)
        if action == "reject":
            archive.rejections.reject(Target(study), Reason.QUALITY, "admin")
        elif action == "restore":
            (rejection,) = archive.rejections.page(10)
            archive.rejections.restore(rejection.identifier)
        else:
            archive.rejections.remove_older_than(datetime.now(UTC) + timedelta(days=1))
        os._exit(0)  # what comes after the answer is no part of it


def _die_before(step: int, archive: Archive) -> None:
    left = step

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def heard(event: str, arguments: tuple[Any, ...]) -> None:
        if event in _CHANGES and str(archive.data) in str(arguments[0]):
            count()

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any) -> Any:
            count()
            answer = call(*given)
            count()
            return answer

        return run

    sys.addaudithook(heard)
    for name in _INDEX_CALLS:
        setattr(archive.index, name, counted(getattr(archive.index, name)))
