"""Where a reader's documents of a study are kept and found again: in the archive, like any other object.

They go through the same door as what scanners send. Each reader has one line of measurements and one of key images in
a study; what another reader saved stays as it is. Views stand side by side, told apart by reader, name and time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import KeyObjectSelectionDocumentStorage

from storage.archive import Archive
from storage.errors import NotFound, PixelError
from storage.incoming import Announced
from storage.model import Instance, Source
from storage.pixels import open_object
from viewer.evidence import key_write, presentation_write, report_write
from viewer.evidence.document import (
    SYNTAX,
    Place,
    author_of,
    encoded,
    is_ours,
    load,
    made_at,
    next_place,
    person,
    series_uid,
)
from viewer.evidence.key_read import is_selection, read_key_document
from viewer.evidence.key_write import KeyImages
from viewer.evidence.measure import ground_of, measured, measured_on
from viewer.evidence.model import MARKS, REGIONS, ImageRef, InvalidReading, Measurement
from viewer.evidence.presentation import Wanted
from viewer.evidence.presentation_read import on_image, read_state
from viewer.evidence.report_read import is_measurement_report, read_report
from viewer.frames import Frames
from viewer.rendering.attributes import items, text
from viewer.rendering.prepare import is_inverse
from viewer.rendering.spacing import PATIENT

DOCUMENTS_MAX = 200
"""Documents of one kind that are read of a study, the newest first."""


class Superseded(Exception):
    """The reader's document has a newer version than the one that a save was based on."""


@dataclass(frozen=True, slots=True)
class Document:
    """A document of a study with what it says, JSON-able."""

    instance: str
    number: int
    author: str
    is_ours: bool
    made_at: str
    content: dict[str, Any]

    def json(self, reader: str) -> dict[str, Any]:
        """Return the JSON form for `reader`, whose own documents are marked."""
        return {
            "instance": self.instance,
            "number": self.number,
            "author": self.author,
            "is_mine": self.is_ours and self.author == person(reader),
            "made_at": self.made_at,
            **self.content,
        }


class Shelf:
    """The documents of one study."""

    def __init__(self, archive: Archive, frames: Frames, study_instance_uid: str) -> None:
        self._archive, self._frames = archive, frames
        self._study = study_instance_uid

    # ---- reading

    def measurements(self) -> list[Document]:
        """Return the reports of measurements that nothing supersedes, the newest first."""

        def content(ds: Dataset) -> dict[str, Any] | None:
            if not is_measurement_report(ds):
                return None
            report = read_report(ds)
            found = [self._with_status(measurement).json() for measurement in report.measurements]
            return {"measurements": found, "left_out": report.left_out}

        return self._documents(report_write.MODALITY, content)

    def views(self) -> list[Document]:
        """Return the presentation states, the newest first; those of one name stand side by side."""
        return self._documents("PR", self._view, newest_only=False)

    def key_images(self) -> list[Document]:
        """Return the selections of key images that nothing supersedes, the newest first."""

        def content(ds: Dataset) -> dict[str, Any] | None:
            is_key = text(ds, "SOPClassUID") == KeyObjectSelectionDocumentStorage and is_selection(ds)
            return read_key_document(ds).json() if is_key else None

        return self._documents(key_write.MODALITY, content)

    # ---- saving

    def save_measurements(
        self, measurements: Sequence[Measurement], author: str, based_on: str | None, source: Source
    ) -> str:
        """Keep all of a reader's measurements of the study; return the new document's SOP Instance UID.

        Raises:
            InvalidReading: a measurement that cannot be made on the image or plane it names.
            Superseded: `based_on` is not the reader's newest document.
        """
        mine = self._mine(report_write.MODALITY, author, based_on)
        images = {ref.instance: self._image(ref) for m in measurements if (ref := m.stored_image)}
        done = [self._measured(measurement, images) for measurement in measurements]
        anchor = self._anchor(images.values())
        place = self._place(report_write.MODALITY, report_write.SERIES_NUMBER, author, mine)
        modality = self._modality(anchor)
        previous = mine[-1] if mine else None
        return self._keep(report_write.write_report(done, images, place, modality, previous, anchor), source)

    def save_view(self, wanted: Wanted, author: str, source: Source) -> str:
        """Keep a view with the measurements drawn on it; return the new document's SOP Instance UID."""
        view = wanted.view
        image = self._image(view.images[0])
        if any(m.image != view.images[0] for m in wanted.measurements):
            raise InvalidReading("measurements: only those of the image shown can be drawn on it")
        done = tuple(self._measured(m, {image.sop_instance_uid: image}) for m in wanted.measurements)
        place = self._place("PR", presentation_write.SERIES_NUMBER, author, self._mine("PR", author, None))
        with open_object(image.path) as obj:
            return self._keep(presentation_write.write_view(view, done, image, obj, place), source)

    def save_key_images(self, key: KeyImages, author: str, based_on: str | None, source: Source) -> str | None:
        """Keep a reader's key images; return the new document's SOP Instance UID, None where there is nothing to say.

        Raises:
            InvalidReading: an image that is not of this study.
            Superseded: `based_on` is not the reader's newest document.
        """
        mine = self._mine(key_write.MODALITY, author, based_on)
        previous = mine[-1] if mine else None
        if not key.images and previous is None:
            return None
        images = {ref.instance: self._image(ref) for ref in key.images}
        place = self._place(key_write.MODALITY, key_write.SERIES_NUMBER, author, mine)
        return self._keep(
            key_write.write_key_images(key, images, place, previous, self._anchor(images.values())), source
        )

    # ---- parts

    def _view(self, ds: Dataset) -> dict[str, Any]:
        view = read_state(ds)
        # Another image, or one that cannot be read, is not shown with it either.
        with suppress(InvalidReading, NotFound, PixelError):
            if view.images:
                with open_object(self._image(view.images[0]).path) as obj:
                    is_grey = obj.description.samples_per_pixel == 1
                    view = on_image(view, ds, is_grey and is_inverse(obj.ds, obj.description))
        return view.json()

    def _documents(
        self, modality: str, read: Callable[[Dataset], dict[str, Any] | None], newest_only: bool = True
    ) -> list[Document]:
        found: list[tuple[Instance, Dataset]] = []
        superseded: set[str] = set()
        for instance in self._stored(modality):
            try:
                ds = load(instance)
            except (PixelError, NotFound):
                continue  # its series lists it as a document that cannot be read
            found.append((instance, ds))
            superseded |= _predecessors(ds)
        if newest_only:
            superseded |= _older_of_ours(found)
        documents = [
            Document(
                instance.sop_instance_uid, instance.instance_number or 0, author_of(ds), is_ours(ds), made_at(ds), said
            )
            for instance, ds in found
            if instance.sop_instance_uid not in superseded and (said := read(ds)) is not None
        ]
        return sorted(documents, key=lambda document: (document.made_at, document.number), reverse=True)

    def _stored(self, modality: str) -> list[Instance]:
        series = [one for one in self._archive.series(self._study) if one.modality == modality]
        found = [i for one in series for i in self._archive.instances(one.series_instance_uid, self._study)]
        return sorted(found, key=lambda i: (i.content_date, i.content_time, i.instance_number or 0))[-DOCUMENTS_MAX:]

    def _mine(self, modality: str, author: str, based_on: str | None) -> list[Instance]:
        self._archive.study(self._study)
        mine = self._archive.instances(series_uid(self._study, modality, author), self._study)
        newest = mine[-1].sop_instance_uid if mine else None
        if modality != "PR" and based_on != newest:
            raise Superseded(newest or "")
        return mine

    def _place(self, modality: str, series_number: int, author: str, mine: Sequence[Instance]) -> Place:
        return next_place(self._study, modality, series_number, author, mine, datetime.now())

    def _image(self, ref: ImageRef) -> Instance:
        try:
            instance = self._archive.instance(ref.instance)
        except NotFound:
            raise InvalidReading(f"{ref.instance} is not in this study") from None
        if instance.study_instance_uid != self._study or not instance.has_pixels:
            raise InvalidReading(f"{ref.instance} is no image of this study")
        if not 1 <= ref.frame <= max(1, instance.number_of_frames or 1):
            raise InvalidReading(f"{ref.instance} has no frame {ref.frame}")
        return instance

    def _measured(self, measurement: Measurement, images: dict[str, Instance]) -> Measurement:
        if measurement.plane is not None:
            self._check_space(measurement, images[measurement.plane.source.instance])
            return measured_on(measurement, measurement.plane)
        if measurement.image is None:
            raise InvalidReading("a measurement needs an image")
        instance, index = images[measurement.image.instance], measurement.image.frame - 1
        with open_object(instance.path) as obj:
            ground = ground_of(obj.ds, index)
        prepared = self._frames.prepared(instance, index) if measurement.kind in REGIONS else None
        return measured(measurement, ground, prepared)

    def _check_space(self, measurement: Measurement, source: Instance) -> None:
        """A place in the patient means something only in the frame of reference that it was measured in."""
        with open_object(source.path) as obj:
            if text(obj.ds, "FrameOfReferenceUID") != measurement.frame_of_reference:
                raise InvalidReading(f"frame_of_reference: {source.sop_instance_uid} has another one")

    def _with_status(self, measurement: Measurement) -> Measurement:
        """Say of a stored measurement what its lengths are true of; its values stay as they were written."""
        if measurement.space:
            return replace(measurement, status="" if measurement.kind in MARKS else PATIENT)
        if measurement.image is None:
            return measurement
        try:
            instance = self._image(measurement.image)
            with open_object(instance.path) as obj:
                status = ground_of(obj.ds, measurement.image.frame - 1).scale(measurement.points).status
        except (InvalidReading, PixelError, NotFound):
            return measurement
        return replace(measurement, status=status)

    def _anchor(self, images: Iterable[Instance]) -> Instance:
        """An object from which patient and study are taken: an image that is measured, else the study's first."""
        for image in images:
            return image
        for series in self._archive.series(self._study):
            for instance in self._archive.instances(series.series_instance_uid, self._study):
                return instance
        raise NotFound("the study has no objects any more")

    def _modality(self, anchor: Instance) -> str:
        found = [s for s in self._archive.series(self._study) if s.series_instance_uid == anchor.series_instance_uid]
        return found[0].modality if found else ""

    def _keep(self, ds: Dataset, source: Source) -> str:
        announced = Announced(str(ds.SOPClassUID), str(ds.SOPInstanceUID), SYNTAX)
        with self._archive.receive(announced, source) as incoming:
            incoming.write(encoded(ds))
            return incoming.keep().sop_instance_uid


def _predecessors(ds: Dataset) -> set[str]:
    """The documents that this one says it follows (PS3.3 C.17.2.3)."""
    return {
        text(reference, "ReferencedSOPInstanceUID")
        for study in items(ds, "PredecessorDocumentsSequence")
        for series in items(study, "ReferencedSeriesSequence")
        for reference in items(series, "ReferencedSOPSequence")
    }


def _older_of_ours(found: Sequence[tuple[Instance, Dataset]]) -> set[str]:
    """In a series of ours, the highest number is the present one."""
    newest: dict[str, Instance] = {}
    ours = [instance for instance, ds in found if is_ours(ds)]
    for instance in ours:
        last = newest.get(instance.series_instance_uid)
        if last is None or (instance.instance_number or 0) >= (last.instance_number or 0):
            newest[instance.series_instance_uid] = instance
    return {i.sop_instance_uid for i in ours} - {i.sop_instance_uid for i in newest.values()}
