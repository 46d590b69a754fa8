"""Objects of one request on their way into the archive: each written as it streams in, and kept beside the next.

Keeping an object means to read its header, sync it and index it; the network is idle meanwhile unless the next object
is taken in at the same time. So objects are kept by a few threads, and no more than `AHEAD` wait for them.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

from storage import meta, uid
from storage.archive import Archive
from storage.errors import InvalidObject, StorageError
from storage.incoming import Announced, Incoming
from storage.model import Source, Stored
from viewer.dicomweb.stow.outcomes import Failed, FailureReason, Outcome, failed

AHEAD = 24
"""Twice the threads that keep, so that each finds the next object written when it is done with one."""
_HEAD = 1 << 12


class Intake:
    """Takes objects in, one after the other; a context manager that leaves nothing half done.

    `study_instance_uid` is the study that all have to belong to; empty for any.
    """

    def __init__(self, archive: Archive, keepers: ThreadPoolExecutor, source: Source, study_instance_uid: str) -> None:
        self._archive = archive
        self._keepers = keepers
        self._source = source
        self._study = study_instance_uid
        self._outcomes: list[Outcome] = []
        self._waiting: deque[Future[Outcome]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.finish()

    def finish(self) -> list[Outcome]:
        """Wait for what is being kept; return the outcomes of all, in their order."""
        while self._waiting:
            self._outcomes.append(self._waiting.popleft().result())
        return self._outcomes

    @property
    def stored(self) -> int:
        """How many are stored so far."""
        return sum(isinstance(one, Stored) for one in self._outcomes)

    def note(self, outcome: Outcome) -> None:
        """Note the outcome of an instance that was not taken in at all."""
        self._add(_done(outcome))

    def take_file(self, content: Iterable[memoryview]) -> None:
        """Take in one object in the form of PS3.10; whatever is wrong with it becomes its outcome."""
        chunks = iter(content)
        first = next(chunks, memoryview(b""))
        head = bytes(first[:_HEAD])  # nearly always enough, and the long piece is not copied for it
        if not meta.is_whole(head):
            head = bytes(first)
            while not meta.is_whole(head) and (chunk := next(chunks, None)) is not None:
                head += chunk
            first = memoryview(head)
        self._take_head(head, first, chunks)

    def _take_head(self, head: bytes, first: memoryview, rest: Iterator[memoryview]) -> None:
        """Take in an object whose meta group is in `head`; its bytes are `first` and `rest`."""
        try:
            m = meta.of_head(head)
        except InvalidObject as e:
            if head[meta.PREAMBLE :].startswith(meta.MAGIC):
                self._quarantine(itertools.chain((first,), rest), e)
            else:
                self.note(Failed(FailureReason.CANNOT_UNDERSTAND, str(e) if head else "the part is empty"))
            return
        announced = Announced(m.sop_class_uid, m.sop_instance_uid, m.transfer_syntax_uid, self._study)
        self.take_data_set(announced, itertools.chain((first[m.data_set_offset :],), rest))

    def _quarantine(self, content: Iterable[memoryview], error: InvalidObject) -> None:
        """Keep an object whose meta group is broken, whole, in quarantine."""
        try:
            with self._archive.receive(Announced("", "", ""), self._source) as incoming:
                for chunk in content:
                    incoming.write(chunk)
                incoming.refuse(error)
        except StorageError as e:
            self.note(failed(e))
        else:
            self.note(failed(error))

    def take_data_set(self, announced: Announced, content: Iterable[memoryview | bytes]) -> None:
        """Take in one data set; what breaks the request itself passes, and leaves nothing of it behind."""
        try:
            incoming = self._archive.receive(announced, self._source)
        except StorageError as e:
            self.note(failed_as(e, announced))
            return
        try:
            for chunk in content:
                incoming.write(chunk)
        except StorageError as e:
            with incoming:
                self.note(failed_as(e, announced))
            return
        except BaseException:
            with incoming:
                raise
        self._add(self._keepers.submit(_keep, incoming, announced))

    def _add(self, future: Future[Outcome]) -> None:
        self._waiting.append(future)
        while len(self._waiting) > AHEAD:
            self._outcomes.append(self._waiting.popleft().result())


def _keep(incoming: Incoming, announced: Announced) -> Outcome:
    with incoming:
        try:
            return incoming.keep()
        except StorageError as e:
            return failed_as(e, announced)


def failed_as(error: StorageError, announced: Announced) -> Failed:
    """Return the outcome of an instance by the UIDs that were announced for it, where they are UIDs at all."""
    instance, sop_class = announced.sop_instance_uid, announced.sop_class_uid
    if not (uid.is_valid(instance) and uid.is_valid(sop_class)):
        instance = sop_class = ""
    return failed(error, sop_class, instance)


def _done(outcome: Outcome) -> Future[Outcome]:
    future: Future[Outcome] = Future()
    future.set_result(outcome)
    return future
