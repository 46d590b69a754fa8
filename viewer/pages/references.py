"""What a document refers to, in words that lead there: image 12 of series 3 (CT), where the archive has it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext
from pydicom.config import IGNORE
from pydicom.uid import UID

from storage.errors import NotFound
from storage.model import Instance, Series
from viewer import display
from viewer.dicomweb.resources import find_series
from viewer.documents import Reference
from viewer.services import archive, services

NUMBERS_MAX = 6
"""So many images of one object are named by their numbers."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """What is referred to: words, the UID they stand for, and for an image its address and its place in its series."""

    words: str
    uid: str
    address: str = ""
    study: str = ""
    series: str = ""
    image: int = 0


@dataclass(frozen=True, slots=True)
class _Known:
    """A series with the place (from 0) of the first frame of each of its images."""

    series: Series
    places: dict[str, int]


class Pointers:
    """The references of one document, which belongs to `study`; each series is looked up once."""

    def __init__(self, study: str) -> None:
        self._study = study
        self._known: dict[tuple[str, str], _Known] = {}

    def to(self, reference: Reference) -> Pointer:
        """Return where a reference leads."""
        try:
            instance = archive().instance(reference.instance)
            known = self._of(instance)
        except NotFound:
            name = UID(reference.sop_class, IGNORE).name.removesuffix(" Storage") if reference.sop_class else ""
            named = name if name and name != reference.sop_class else gettext("An object")
            return Pointer(gettext("%(what)s, not in this archive", what=named), reference.instance)
        place = known.places.get(instance.sop_instance_uid)
        if place is None:
            return Pointer(self._elsewhere(gettext("Object of %(series)s", series=_words(known.series)), instance),
                           instance.sop_instance_uid)  # fmt: skip
        last = max(instance.number_of_frames or 1, 1)
        places = [place + frame for frame in reference.frames if 1 <= frame <= last] or [place + 1]
        return self._image(known.series, instance, places)

    def to_uid(self, uid: str) -> Pointer | None:
        """Return what a UID by itself stands for: an object, a series of the study, or the study; None if none here."""
        if uid == self._study:
            return Pointer(gettext("This study"), uid)
        for series in archive().series(self._study):
            if series.series_instance_uid == uid:
                return Pointer(_words(series), uid)
        pointer = self.to(Reference("", uid, ()))
        return pointer if pointer.study else None

    def _image(self, series: Series, instance: Instance, places: list[int]) -> Pointer:
        numbers = ", ".join(map(str, places[:NUMBERS_MAX])) + (", …" if len(places) > NUMBERS_MAX else "")
        where = _words(series)
        words = (
            gettext("Image %(numbers)s of %(series)s", numbers=numbers, series=where)
            if len(places) == 1
            else gettext("Images %(numbers)s of %(series)s", numbers=numbers, series=where)
        )
        study, uid = instance.study_instance_uid, instance.series_instance_uid
        address = url_for("study.page", study=study, series=uid, image=places[0])
        return Pointer(self._elsewhere(words, instance), instance.sop_instance_uid, address, study, uid, places[0])

    def _elsewhere(self, words: str, instance: Instance) -> str:
        """Say of another study which one it is."""
        if instance.study_instance_uid == self._study:
            return words
        date = display.date(archive().study(instance.study_instance_uid).study_date)
        return str(gettext("%(what)s, study of %(date)s", what=words, date=date or "–"))

    def _of(self, instance: Instance) -> _Known:
        key = (instance.study_instance_uid, instance.series_instance_uid)
        if key not in self._known:
            series = find_series(*key)
            stack = services().stacks.of(series)
            ends = (0, *stack.ends)
            places = {one.sop_instance_uid: ends[i] for i, one in enumerate(stack.drawable)}
            self._known[key] = _Known(series, places)
        return self._known[key]


def _words(series: Series) -> str:
    if series.series_number is None:
        return str(gettext("a series without a number (%(modality)s)", modality=series.modality))
    return str(gettext("series %(number)s (%(modality)s)", number=series.series_number, modality=series.modality))


def shapes() -> dict[str, str]:
    """Return what Graphic Types are called (PS3.3 C.18.6.1.2, C.18.9.1.2)."""
    return {
        "POINT": gettext("Point"),
        "MULTIPOINT": gettext("Points"),
        "POLYLINE": gettext("Line"),
        "POLYGON": gettext("Outline"),
        "CIRCLE": gettext("Circle"),
        "ELLIPSE": gettext("Ellipse"),
        "ELLIPSOID": gettext("Ellipsoid"),
    }
