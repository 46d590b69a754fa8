"""The archive: the one door to files and index for everything above."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from storage.answers import Answer
from storage.attributes import BY_KEYWORD, Level
from storage.errors import NotFound, OutOfSpace, StorageError
from storage.files import FileStore
from storage.incoming import Announced, Incoming, fingerprint
from storage.index import Index
from storage.model import DataSetSpan, Health, Instance, PatientConflict, Quarantined, Series, Source, Study
from storage.quarantine import Quarantine
from storage.query import OneOf, Order, Query
from storage.rejection import Rejections
from storage.settings import ArchiveSettings
from storage.transcode import choose, is_the_same, transcoded

INDEX_NAME = "index.sqlite3"
_FREE_SPACE_SECONDS = 1.0


class Archive:
    """One data folder, opened. Safe to share between the threads of a process; any number of processes may open it."""

    def __init__(self, settings: ArchiveSettings) -> None:
        self.settings = settings
        self.files = FileStore(settings.data, settings.durability)
        self.files.prepare()
        self.index = Index(settings.data / INDEX_NAME)
        self.quarantine = Quarantine(self.files)
        self.rejections = Rejections(settings.data, self.index)
        self._space_lock = threading.Lock()
        self._space_checked = float("-inf")
        self._accepting = True

    @classmethod
    def open(cls, settings: ArchiveSettings) -> Self:
        """Open or create the archive in a data folder.

        Raises:
            DataFolderError: the folder cannot be used, or was written by a newer version.
        """
        return cls(settings)

    def close(self) -> None:
        """Give up this process's part of the archive."""
        self.files.close()
        self.index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.settings.data

    # ---- receiving

    def receive(self, announced: Announced, source: Source) -> Incoming:
        """Begin to take in one object; use the answer as a context manager.

        Raises:
            OutOfSpace: free space is below the mark.
            WriteFailed: the disk refuses to write.
        """
        if not self.accepting():
            raise OutOfSpace(
                f"less than {self.settings.minimum_free_bytes} bytes are free on the disk of {self.data.name}/"
            )
        return Incoming(self.files, self.index, self.quarantine, self.settings, announced, source)

    def accepting(self) -> bool:
        """Tell whether free space is above the mark; looked at once a second at most."""
        with self._space_lock:
            now = time.monotonic()
            if now - self._space_checked >= _FREE_SPACE_SECONDS:
                self._accepting = self.files.free_bytes() >= self.settings.minimum_free_bytes
                self._space_checked = now
            return self._accepting

    # ---- reading

    def studies(self, query: Query) -> list[Study]:
        """Answer a query of study level."""
        return self.index.studies(query)

    def count(self, query: Query) -> int:
        """Count all answers to a query, whatever its limit."""
        return self.index.count(query)

    def count_within(self, query: Query, seconds: float) -> int | None:
        """Count all answers to a query if that takes no longer than `seconds`; None otherwise."""
        return self.index.count_within(query, seconds)

    def find(
        self, query: Query, keywords: Sequence[str], is_stopped: Callable[[], bool] | None = None
    ) -> Iterator[Answer]:
        """Answer a query of any level with the values of `keywords` (see `answers`), one by one as they are found.

        `is_stopped` is asked while the index is searched, every few milliseconds; when it says so, the search ends
        with `IndexFailed`.

        Raises:
            QueryError: a condition or keyword that this level does not know.
            IndexFailed: the index cannot be read.
        """
        return self.index.find(query, keywords, self.data, is_stopped)

    def study(self, study_instance_uid: str) -> Study:
        """Return one study.

        Raises:
            NotFound: there is none of that UID.
        """
        found = self.index.studies(Query(Level.STUDY, (_uid("StudyInstanceUID", study_instance_uid),)))
        if not found:
            raise NotFound(f"no study {study_instance_uid[:80]!r} in this archive")
        return found[0]

    def series(self, study_instance_uid: str) -> list[Series]:
        """Return the series of a study by number, then UID.

        Raises:
            NotFound: there is no such study.
        """
        order = (Order(BY_KEYWORD["SeriesNumber"]), Order(BY_KEYWORD["SeriesInstanceUID"]))
        found = self.index.series(Query(Level.SERIES, (_uid("StudyInstanceUID", study_instance_uid),), order))
        if not found:
            raise NotFound(f"no study {study_instance_uid[:80]!r} in this archive")
        return found

    def instances(self, series_instance_uid: str, study_instance_uid: str | None = None) -> list[Instance]:
        """Return the instances of a series by number, then UID; of one study where the series UID is in several."""
        conditions = [_uid("SeriesInstanceUID", series_instance_uid)]
        if study_instance_uid is not None:
            conditions.append(_uid("StudyInstanceUID", study_instance_uid))
        order = (Order(BY_KEYWORD["InstanceNumber"]), Order(BY_KEYWORD["SOPInstanceUID"]))
        return self.index.instances(Query(Level.INSTANCE, tuple(conditions), order), self.data)

    def matching_instances(self, query: Query) -> list[Instance]:
        """Answer a query of instance level with where each object is.

        Raises:
            QueryError: a condition that cannot be understood.
            IndexFailed: the index cannot be read.
        """
        return self.index.instances(query, self.data)

    @contextmanager
    def in_syntax(self, instance: Instance, offered: Sequence[str]) -> Iterator[tuple[str, DataSetSpan]]:
        """Give an object's data set in one of the transfer syntaxes `offered`: as it is stored if that is one of them.

        Otherwise it is transcoded without loss into a file that is gone afterwards (see `transcode`).

        Raises:
            NotFound: the object's file is gone.
            PixelError, InvalidObject: it cannot be transcoded.
            WriteFailed: there is no room for the transcoded form.
        """
        syntax = choose(instance.transfer_syntax_uid, offered)
        if is_the_same(instance.transfer_syntax_uid, syntax):
            yield syntax, instance.data_set
            return
        with transcoded(instance, syntax, self.data / "cache") as span:
            yield syntax, span

    def is_intact(self, instance: Instance) -> bool:
        """Read an object back and tell whether its data set has the hash that was recorded when it came."""
        try:
            return fingerprint(instance.path)[2] == instance.dataset_sha256
        except StorageError:
            return False

    def instance(self, sop_instance_uid: str) -> Instance:
        """Return one instance.

        Raises:
            NotFound: there is none of that UID.
        """
        return self.index.instance(sop_instance_uid, self.data)

    def revision(self) -> int:
        """Return a number that rises with every change; cheap enough to ask several times a second."""
        return self.index.revision()

    def removed_at(self) -> int:
        """Return the revision at which a study last went as a whole, as a rejected one does; 0 where none did."""
        return self.index.removed_at()

    def studies_changed_since(self, revision: int, limit: int) -> list[Study]:
        """Return studies that changed after `revision`, the newest change first."""
        return self.index.studies_changed_since(revision, limit)

    def patient_conflicts(self, limit: int, offset: int = 0) -> list[PatientConflict]:
        """Return patient identities whose name or birth date disagree between studies."""
        return self.index.patient_conflicts(limit, offset)

    def quarantined(self, limit: int, offset: int = 0) -> list[Quarantined]:
        """Return objects in quarantine, the newest first."""
        return self.quarantine.page(limit, offset)

    def quarantined_count(self) -> int:
        """Return how many objects are in quarantine."""
        return self.quarantine.count()

    def health(self) -> Health:
        """Return counts and space, freshly looked at."""
        studies, series, instances, stored_bytes = self.index.totals()
        return Health(
            studies=studies,
            series=series,
            instances=instances,
            stored_bytes=stored_bytes,
            quarantined=self.quarantined_count(),
            free_bytes=self.files.free_bytes(),
            accepting=self.accepting(),
        )


def _uid(keyword: str, value: str) -> OneOf:
    return OneOf(BY_KEYWORD[keyword], (value,))
