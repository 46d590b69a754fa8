"""What a worker process does before its first request."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import multiprocessing
from pathlib import Path

from viewer.config import ViewerSettings
from viewer.rsgi import load


def test_what_the_start_made_is_left_out_of_searches_for_garbage(tmp_path: Path) -> None:
    before = gc.get_freeze_count()
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        application = load(ViewerSettings(tmp_path), multiprocessing.Event())
        try:
            assert gc.get_freeze_count() - before > 10_000
        finally:
            gc.unfreeze()
            application.__rsgi_del__(loop)
