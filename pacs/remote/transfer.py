"""How far a transfer is: counted here, told to whoever watches at most a few times a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from storage.records import JobItem
from storage.records.remote import Phase, Problem, TransferReport

_TELL_SECONDS = 0.4
Tell = Callable[[TransferReport, Sequence[JobItem]], None]


class Transfer:
    """The report of one try, and the objects that it finished with."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._items: list[JobItem] = []
        self._began = time.monotonic()
        self._told = 0.0
        self.report = TransferReport()

    def enter(self, phase: Phase, **changes: Any) -> None:
        """Begin a phase; told at once."""
        self.report = replace(self.report, phase=phase, **changes)
        self.flush()

    def count(self, **changes: Any) -> None:
        """Set counts."""
        self.report = replace(self.report, **changes)
        self._tell_soon()

    def finished(self, sop_instance_uid: str, problem: Problem | None = None) -> None:
        """Note that an object is there, or why it is not."""
        reason = "" if problem is None else reason_of(problem)
        self._items.append(JobItem(sop_instance_uid, problem is None, reason))
        if problem is None:
            self.count(done=self.report.done + 1)
        else:
            self.count(failed=self.report.failed + 1)

    def lacks(self, sop_instance_uid: str, problem: Problem) -> None:
        """Note that an object is not there in the end; it is counted already."""
        self._items.append(JobItem(sop_instance_uid, False, reason_of(problem)))

    def flush(self) -> None:
        """Tell now."""
        self._told = time.monotonic()
        self.report = replace(self.report, seconds=round(self._told - self._began, 1))
        items, self._items = self._items, []
        self._tell(self.report, items)

    def _tell_soon(self) -> None:
        if time.monotonic() - self._told >= _TELL_SECONDS:
            self.flush()


def reason_of(problem: Problem) -> str:
    """Return a problem in one line, its trouble first, as it is kept for an object."""
    facts = problem.facts
    return "\t".join((problem.trouble.value, facts.get("status", ""), facts.get("comment", "")))
