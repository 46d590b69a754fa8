"""Measurements as a DICOM structured report, TID 1500 "Measurement Report" in Comprehensive SR (PS3.16 A).

Each measurement is a group of TID 1501 whose values are inferred from coordinates on an image (TID 300, TID 320);
arrows and texts measure nothing and are regions without values (TID 1410). What other viewers need beside the template:

- The Tracking Identifier of a group names the tool in Cornerstone's form; OHIF opens such groups for editing.
- Every value carries the coordinates itself, and an Image Library lists the images: OHIF reads both without asking.
- Names given by the reader are a Comment of the group.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from storage.model import Instance
from viewer.evidence import codes
from viewer.evidence.document import CHARACTER_SET, MANUFACTURER, Place, inherit, stand_in
from viewer.evidence.model import Kind, Measurement, Point, Value

if TYPE_CHECKING:
    from highdicom.sr import (
        ContainerContentItem,
        CoordinatesForMeasurement,
        MeasurementsAndQualitativeEvaluations,
        ObserverContext,
        ScoordContentItem,
        SourceImageForRegion,
        TextContentItem,
    )

SERIES_NUMBER = 9101
MODALITY = "SR"
TOOLS: Mapping[Kind, str] = {
    Kind.LENGTH: "Cornerstone3DTools@^0.1.0:Length",
    Kind.ANGLE: "Cornerstone3DTools@^0.1.0:Angle",
    Kind.COBB: "Cornerstone3DTools@^0.1.0:CobbAngle",
    Kind.BIDIRECTIONAL: "Cornerstone3DTools@^0.1.0:Bidirectional",
    Kind.ELLIPSE: "Cornerstone3DTools@^0.1.0:EllipticalROI",
    Kind.RECTANGLE: "Cornerstone3DTools@^0.1.0:RectangleROI",
    Kind.FREEHAND: "Cornerstone3DTools@^0.1.0:PlanarFreehandROI",
    Kind.RATIO: "Filmless:CardiothoracicRatio",
    Kind.ARROW: "Cornerstone3DTools@^0.1.0:ArrowAnnotate",
    Kind.TEXT: "Filmless:Text",
}
"""The Tracking Identifier of each kind."""
_EMPTY = "Filmless:Empty"

# highdicom takes more than a second to import: it waits for the first document that is written.


def write_report(
    measurements: Sequence[Measurement],
    images: Mapping[str, Instance],
    place: Place,
    modality: str,
    previous: Instance | None,
    anchor: Instance,
) -> Dataset:
    """Return the report of `measurements` on `images` (by SOP Instance UID), which supersedes `previous`.

    `modality` is that of the images; `anchor` any object of the study, for patient and study. An empty list of
    measurements is a report too: it says that the earlier ones are withdrawn.
    """
    from highdicom.sr import ComprehensiveSR, MeasurementReport, ObservationContext

    groups = [_group(measurement, images) for measurement in measurements] or [_empty_group(place)]
    content = MeasurementReport(
        observation_context=ObservationContext(observer_person_context=observer(place.author)),
        procedure_reported=codes.PROCEDURES.get(modality, codes.IMAGING),
        imaging_measurements=groups,
    )
    used = {uid: images[uid] for m in measurements if m.image for uid in [m.image.instance]}
    content[0].ContentSequence.insert(-1, _library(list(used.values())))
    evidence = [stand_in(instance) for instance in used.values()] or [stand_in(anchor)]
    ds = ComprehensiveSR(
        evidence=evidence,
        content=content[0],
        series_instance_uid=place.series_instance_uid,
        series_number=place.series_number,
        sop_instance_uid=place.sop_instance_uid,
        instance_number=place.instance_number,
        manufacturer=MANUFACTURER,
        is_complete=True,
        previous_versions=[stand_in(previous)] if previous else None,
        specific_character_set=CHARACTER_SET,
        series_description="Measurements",
    )
    _declare_codes(ds)
    return inherit(ds, anchor, place)


def observer(author: str) -> ObserverContext:
    """Return who observed (TID 1002): the person who saves; the caret says that the name is in one piece."""
    from highdicom.sr import ObserverContext, PersonObserverIdentifyingAttributes
    from pydicom.sr.codedict import codes as dicom_codes

    person = PersonObserverIdentifyingAttributes(name=f"{author}^", login_name=author)
    return ObserverContext(observer_type=dicom_codes.DCM.Person, observer_identifying_attributes=person)


def _group(measurement: Measurement, images: Mapping[str, Instance]) -> MeasurementsAndQualitativeEvaluations:
    from highdicom.sr import Measurement as Item
    from highdicom.sr import MeasurementsAndQualitativeEvaluations, TrackingIdentifier

    items = [
        Item(
            name=codes.CONCEPTS[value.name],
            value=_decimal(value.value),
            unit=_unit(value.unit),
            referenced_coordinates=[_coordinates(measurement, value, images)],
        )
        for value in measurement.values
    ]
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(measurement.uid, TOOLS[measurement.kind]),
        method=codes.ESTIMATED.get(measurement.status),
        measurements=items or None,
    )
    if not items:
        group[0].ContentTemplateSequence[0].TemplateIdentifier = "1410"
        group[0].ContentSequence.append(_region(measurement, images))
    if measurement.name:
        group[0].ContentSequence.append(_comment(measurement.name))
    return group


def _empty_group(place: Place) -> MeasurementsAndQualitativeEvaluations:
    """The template asks for one group at least; this one says that there is none."""
    from highdicom.sr import MeasurementsAndQualitativeEvaluations, TrackingIdentifier

    group = MeasurementsAndQualitativeEvaluations(TrackingIdentifier(f"{place.sop_instance_uid[:60]}.0", _EMPTY))
    group[0].ContentSequence.append(_comment("No measurements"))
    return group


def _coordinates(measurement: Measurement, value: Value, images: Mapping[str, Instance]) -> CoordinatesForMeasurement:
    from highdicom.sr import CoordinatesForMeasurement

    kind, points = graphic(measurement, value.name)
    return CoordinatesForMeasurement(kind, np.array(points, np.float64), _image(measurement, images))


def _region(measurement: Measurement, images: Mapping[str, Instance]) -> ScoordContentItem:
    from highdicom.sr import ContentSequence, RelationshipTypeValues, ScoordContentItem

    kind, points = graphic(measurement, "")
    item = ScoordContentItem(
        name=codes.IMAGE_REGION,
        graphic_type=kind,
        graphic_data=np.array(points, np.float64),
        relationship_type=RelationshipTypeValues.CONTAINS,
    )
    item.ContentSequence = ContentSequence([_image(measurement, images)])
    return item


def graphic(measurement: Measurement, value: str) -> tuple[str, tuple[Point, ...]]:
    """Return Graphic Type and points of a value of `measurement` (PS3.3 C.18.6.1.2)."""
    points = measurement.points
    match measurement.kind, value:
        case Kind.ANGLE, _:
            return "POLYLINE", (points[0], points[1], points[1], points[2])
        case Kind.BIDIRECTIONAL, "short_axis":
            return "POLYLINE", points[2:]
        case Kind.BIDIRECTIONAL, _:
            return "POLYLINE", points[:2]
        case Kind.RATIO, "heart_width":
            return "POLYLINE", points[:2]
        case Kind.RATIO, "thorax_width":
            return "POLYLINE", points[2:]
        case Kind.ELLIPSE, _:
            return "ELLIPSE", points
        case ((Kind.RECTANGLE | Kind.FREEHAND), _):
            return "POLYLINE", (*points, points[0])
        case Kind.TEXT, _:
            return "POINT", points
        case _:
            return "POLYLINE", points


def _image(measurement: Measurement, images: Mapping[str, Instance]) -> SourceImageForRegion:
    from highdicom.sr import SourceImageForRegion

    assert measurement.image is not None
    instance = images[measurement.image.instance]
    frames = [measurement.image.frame] if instance.number_of_frames is not None else None
    return SourceImageForRegion(instance.sop_class_uid, instance.sop_instance_uid, frames)


def _library(images: Sequence[Instance]) -> ContainerContentItem:
    """TID 1600 with nothing but the references; its group may be empty."""
    from highdicom.sr import ContainerContentItem, ContentSequence, ImageContentItem, RelationshipTypeValues

    contains = RelationshipTypeValues.CONTAINS
    entries = [
        ImageContentItem(
            name=codes.IMAGE,
            referenced_sop_class_uid=instance.sop_class_uid,
            referenced_sop_instance_uid=instance.sop_instance_uid,
            relationship_type=contains,
        )
        for instance in images
    ]
    library = ContainerContentItem(name=codes.IMAGE_LIBRARY, relationship_type=contains, template_id="1600")
    group = ContainerContentItem(name=codes.IMAGE_LIBRARY_GROUP, relationship_type=contains)
    if entries:
        group.ContentSequence = ContentSequence(entries)
    library.ContentSequence = ContentSequence([group])
    return library


def _comment(words: str) -> TextContentItem:
    from highdicom.sr import RelationshipTypeValues, TextContentItem

    return TextContentItem(name=codes.COMMENT, value=words, relationship_type=RelationshipTypeValues.CONTAINS)


def _unit(unit: str) -> Code:
    return codes.UNITS.get(unit, Code(unit, "UCUM", unit))


def _decimal(value: float) -> float:
    """A decimal string has sixteen characters; nine digits are more than any pixel is worth."""
    return float(f"{value:.9g}")


def _declare_codes(ds: Dataset) -> None:
    """Say whose the private codes are (PS3.3 C.12.1.1.7)."""
    item = Dataset()
    item.CodingSchemeDesignator = codes.PRIVATE
    item.CodingSchemeName = codes.PRIVATE_NAME
    item.CodingSchemeResponsibleOrganization = codes.PRIVATE_NAME
    ds.CodingSchemeIdentificationSequence = [item]
