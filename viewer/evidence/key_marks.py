"""In which studies of a list key images are chosen now: a choice may have been withdrawn, and a KO may also reject."""

from __future__ import annotations

from storage.archive import Archive
from storage.errors import NotFound
from storage.model import Study
from viewer.evidence.key_write import MODALITY
from viewer.evidence.shelf import Shelf
from viewer.frames import Frames
from viewer.lru import Lru

KEPT = 4000


class KeyMarks:
    """Answers for each study once, until it changes; only studies with such a document are looked into."""

    def __init__(self, archive: Archive, frames: Frames) -> None:
        self._archive, self._frames = archive, frames
        self._kept: Lru[tuple[str, int], bool] = Lru(KEPT, lambda _: 1)

    def of(self, study: Study) -> bool:
        """Tell whether key images of `study` are chosen."""
        uid = study.study_instance_uid
        return MODALITY in study.modalities and self._kept.get((uid, study.revision), lambda: self._read(uid))

    def _read(self, study_instance_uid: str) -> bool:
        try:
            documents = Shelf(self._archive, self._frames, study_instance_uid).key_images()
        except NotFound:
            return False  # it went while the list was made
        return any(document.content["images"] for document in documents)
