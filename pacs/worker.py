"""Carries out jobs with a few threads for each lane, and keeps what it has claimed while it works.

One thread looks for jobs and hands them out, so that a test that somebody waits for begins within a twentieth of a
second, however long the transfers in the other lane are. It also renews the claims and notices what was cancelled.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType

from pacs import tasks
from pacs.application import Application
from pacs.logs import one_line
from pacs.remote.push import AfterPush
from pacs.tasks import Hold
from storage.records import Lane

_log = logging.getLogger("filmless.jobs")
_STOP_SECONDS = 10.0
_ERROR_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """How much is done at once, and for how long a job is claimed; seconds."""

    threads: Mapping[Lane, int] = field(
        default_factory=lambda: MappingProxyType({Lane.INTERACTIVE: 6, Lane.TRANSFER: 4, Lane.REPORT: 2})
    )
    per_peer: Mapping[Lane, int] = field(
        default_factory=lambda: MappingProxyType({Lane.INTERACTIVE: 3, Lane.TRANSFER: 2, Lane.REPORT: 1})
    )
    """A node that hangs does not take all threads."""
    lease: float = 10.0
    """After a crash a job waits as long; it is renewed four times in that."""
    look: float = 0.05


class Worker:
    """Works until it is stopped; `after_push` is called once a node has every object of a push."""

    def __init__(
        self,
        application: Application,
        settings: WorkerSettings | None = None,
        after_push: Sequence[AfterPush] = (),
    ) -> None:
        self._application = application
        self._settings = settings or WorkerSettings()
        self._after_push = after_push
        self._held: dict[int, Hold] = {}
        self._lock = threading.Lock()
        self._pools = {
            lane: ThreadPoolExecutor(count, thread_name_prefix=lane.value)
            for lane, count in self._settings.threads.items()
        }
        self._renewed = 0.0

    def run(self, stopping: threading.Event) -> None:
        """Do jobs until `stopping` is set; what is under way then is given back."""
        while not stopping.wait(self._settings.look):
            try:
                self._watch()
                for lane in Lane:
                    self._hand_out(lane)
            except Exception as e:
                # A disk that is full or a database that is busy: the jobs stay, and so does the one who does them.
                _log.error("jobs cannot be read: %s", one_line(f"{type(e).__name__}: {e}"))
                stopping.wait(_ERROR_SECONDS)
        self._stop()

    def _hand_out(self, lane: Lane) -> None:
        while self._busy(lane) < self._settings.threads[lane]:
            job = self._application.records.jobs.claim(
                self._settings.lease, lane=lane, per_peer=self._settings.per_peer[lane]
            )
            if job is None:
                return
            hold = Hold(job, self._application.records.jobs)
            with self._lock:
                self._held[job.number] = hold
            self._pools[lane].submit(self._work, hold)

    def _busy(self, lane: Lane) -> int:
        with self._lock:
            return sum(hold.job.lane is lane for hold in self._held.values())

    def _work(self, hold: Hold) -> None:
        try:
            tasks.carry_out(self._application, hold, self._after_push)
        except Exception:
            # The records could not be written: the claim runs out, and the job is done again.
            _log.exception("job %s: its outcome could not be noted", hold.job.number)
        finally:
            with self._lock:
                # After a long stall the same job may have been claimed anew.
                if self._held.get(hold.job.number) is hold:
                    del self._held[hold.job.number]

    def _watch(self) -> None:
        with self._lock:
            held = list(self._held.values())
        if not held:
            return
        jobs = self._application.records.jobs
        for number in jobs.unwanted(hold.job for hold in held):
            for hold in held:
                if hold.job.number == number:
                    hold.stop()
        if time.monotonic() - self._renewed >= self._settings.lease / 4:
            jobs.renew((hold.job for hold in held), self._settings.lease)
            self._renewed = time.monotonic()

    def _stop(self) -> None:
        with self._lock:
            held = list(self._held.values())
        for hold in held:
            hold.stop(is_shutdown=True)
        deadline = time.monotonic() + _STOP_SECONDS
        while self._held and time.monotonic() < deadline:
            time.sleep(0.02)
        for pool in self._pools.values():
            pool.shutdown(wait=not self._held, cancel_futures=True)
