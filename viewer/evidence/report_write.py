"""Measurements as a DICOM structured report, TID 1500 "Measurement Report" (PS3.16 A).

Each measurement is a group of TID 1501 whose values are inferred from coordinates on an image (TID 300, TID 320);
arrows and texts measure nothing and are regions without values (TID 1410). What was measured on a plane that is no
stored image has coordinates in the patient (SCOORD3D): a report with one of these is a Comprehensive 3D SR, which may
hold both kinds; any other is a Comprehensive SR, which more programs read. What other viewers need beside the template:

- The Tracking Identifier of a group names the tool in Cornerstone's form; OHIF opens such groups for editing.
- Every value carries the coordinates itself, and an Image Library lists the images: OHIF reads both without asking.
- Names given by the reader are a Comment of the group, and its Finding as free text in the code that dcmjs knows. A
  measurement without a name has its kind as Finding: OHIF's list shows either, and "(empty)" where there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from pydicom.dataset import Dataset

from storage.model import Instance
from viewer.evidence import codes
from viewer.evidence.document import CHARACTER_SET, MANUFACTURER, Place, inherit, stand_in
from viewer.evidence.model import Kind, MadePlane, Measurement, Point, Value, Vector
from viewer.evidence.space import plane_text

if TYPE_CHECKING:
    from highdicom.sr import (
        CodedConcept,
        ContainerContentItem,
        ContentItem,
        CoordinatesForMeasurement,
        CoordinatesForMeasurement3D,
        MeasurementsAndQualitativeEvaluations,
        ObserverContext,
        Scoord3DContentItem,
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
MEANING_MAX = 64
"""Characters of a Code Meaning (LO, PS3.5 6.2)."""
_WORDS: Mapping[Kind, str] = {
    Kind.LENGTH: "Length",
    Kind.ANGLE: "Angle",
    Kind.COBB: "Cobb angle",
    Kind.BIDIRECTIONAL: "Two diameters",
    Kind.ELLIPSE: "Ellipse",
    Kind.RECTANGLE: "Rectangle",
    Kind.FREEHAND: "Outline",
    Kind.RATIO: "Cardiothoracic ratio",
    Kind.ARROW: "Arrow",
    Kind.TEXT: "Text",
}
"""What a measurement is that was given no name, in the language of the other codes."""
_Place = TypeVar("_Place", Point, Vector)

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
    from highdicom.sr import Comprehensive3DSR, ComprehensiveSR, MeasurementReport, ObservationContext

    groups = [_group(measurement, images) for measurement in measurements] or [_empty_group(place)]
    content = MeasurementReport(
        observation_context=ObservationContext(observer_person_context=observer(place.author)),
        procedure_reported=codes.PROCEDURES.get(modality, codes.IMAGING).concept,
        imaging_measurements=groups,
    )
    used = {ref.instance: images[ref.instance] for m in measurements if (ref := m.stored_image)}
    content[0].ContentSequence.insert(-1, _library(list(used.values())))
    evidence = [stand_in(instance) for instance in used.values()] or [stand_in(anchor)]
    form = Comprehensive3DSR if any(m.space for m in measurements) else ComprehensiveSR
    ds = form(
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
            name=codes.CONCEPTS[value.name].concept,
            value=_decimal(value.value),
            unit=_unit(value.unit),
            referenced_coordinates=[_coordinates(measurement, value, images)],
        )
        for value in measurement.values
    ]
    group = MeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(measurement.uid, TOOLS[measurement.kind]),
        method=_method(measurement),
        finding_type=_finding(measurement),
        measurements=items or None,
    )
    if not items:
        if not _is_path_in_space(measurement):
            group[0].ContentTemplateSequence[0].TemplateIdentifier = "1410"
        group[0].ContentSequence.append(_region(measurement, images))
    if measurement.plane:
        group[0].ContentSequence.extend(_seen_on(measurement.plane, images))
    if measurement.name:
        group[0].ContentSequence.append(_comment(measurement.name))
    return group


def _finding(measurement: Measurement) -> CodedConcept:
    if measurement.name:
        return codes.Code(codes.FREE_TEXT, codes.DCMJS, measurement.name[:MEANING_MAX].rstrip()).concept
    return codes.Code(measurement.kind.value.upper(), codes.PRIVATE, _WORDS[measurement.kind]).concept


def _method(measurement: Measurement) -> CodedConcept | None:
    if measurement.plane:
        return codes.PROJECTED[measurement.plane.projection if measurement.plane.slab_mm else codes.THIN].concept
    estimated = codes.ESTIMATED.get(measurement.status)
    return None if estimated is None else estimated.concept


def _empty_group(place: Place) -> MeasurementsAndQualitativeEvaluations:
    """The template asks for one group at least; this one says that there is none."""
    from highdicom.sr import MeasurementsAndQualitativeEvaluations, TrackingIdentifier

    group = MeasurementsAndQualitativeEvaluations(TrackingIdentifier(f"{place.sop_instance_uid[:60]}.0", _EMPTY))
    group[0].ContentSequence.append(_comment("No measurements"))
    return group


def _coordinates(
    measurement: Measurement, value: Value, images: Mapping[str, Instance]
) -> CoordinatesForMeasurement | CoordinatesForMeasurement3D:
    from highdicom.sr import CoordinatesForMeasurement, CoordinatesForMeasurement3D

    if measurement.space:
        kind, places = graphic_in_space(measurement, value.name)
        return CoordinatesForMeasurement3D(kind, np.array(places, np.float64), measurement.frame_of_reference)
    kind, points = graphic(measurement, value.name)
    return CoordinatesForMeasurement(kind, np.array(points, np.float64), _image(measurement, images))


def _is_path_in_space(measurement: Measurement) -> bool:
    """An arrow there is no region: TID 1410 has no open lines in space, so its group stays one of TID 1501."""
    return bool(measurement.space) and measurement.kind is Kind.ARROW


def _region(measurement: Measurement, images: Mapping[str, Instance]) -> ScoordContentItem | Scoord3DContentItem:
    from highdicom.sr import ContentSequence, RelationshipTypeValues, Scoord3DContentItem, ScoordContentItem

    if measurement.space:
        kind, places = graphic_in_space(measurement, "")
        return Scoord3DContentItem(
            name=(codes.PATH if _is_path_in_space(measurement) else codes.IMAGE_REGION).concept,
            graphic_type=kind,
            graphic_data=np.array(places, np.float64),
            frame_of_reference_uid=measurement.frame_of_reference,
            relationship_type=RelationshipTypeValues.CONTAINS,
        )
    kind, points = graphic(measurement, "")
    item = ScoordContentItem(
        name=codes.IMAGE_REGION.concept,
        graphic_type=kind,
        graphic_data=np.array(points, np.float64),
        relationship_type=RelationshipTypeValues.CONTAINS,
    )
    item.ContentSequence = ContentSequence([_image(measurement, images)])
    return item


def graphic(measurement: Measurement, value: str) -> tuple[str, tuple[Point, ...]]:
    """Return Graphic Type and points of a value of `measurement` on its image (PS3.3 C.18.6.1.2)."""
    return _graphic(measurement.kind, measurement.points, value)


def graphic_in_space(measurement: Measurement, value: str) -> tuple[str, tuple[Vector, ...]]:
    """Return Graphic Type and places of a value of `measurement` in the patient (PS3.3 C.18.9.1.2).

    Outlines are closed POLYLINEs here too: OHIF stumbles over a POLYGON.
    """
    return _graphic(measurement.kind, measurement.space, value)


def _graphic(kind: Kind, points: tuple[_Place, ...], value: str) -> tuple[str, tuple[_Place, ...]]:
    match kind, value:
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
            return "POLYLINE", points + points[:1]
        case Kind.TEXT, _:
            return "POINT", points
        case _:
            return "POLYLINE", points


def _seen_on(plane: MadePlane, images: Mapping[str, Instance]) -> list[ContentItem]:
    """On which plane it was seen: the nearest stored image, and the directions in words (`viewer.evidence.space`)."""
    from highdicom.sr import ImageContentItem, RelationshipTypeValues, TextContentItem

    contains, instance = RelationshipTypeValues.CONTAINS, images[plane.source.instance]
    image = ImageContentItem(
        name=codes.SOURCE_IMAGE.concept,
        referenced_sop_class_uid=instance.sop_class_uid,
        referenced_sop_instance_uid=instance.sop_instance_uid,
        referenced_frame_numbers=[plane.source.frame] if instance.number_of_frames is not None else None,
        relationship_type=contains,
    )
    return [image, TextContentItem(name=codes.PLANE.concept, value=plane_text(plane), relationship_type=contains)]


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
            name=codes.IMAGE.concept,
            referenced_sop_class_uid=instance.sop_class_uid,
            referenced_sop_instance_uid=instance.sop_instance_uid,
            relationship_type=contains,
        )
        for instance in images
    ]
    library = ContainerContentItem(name=codes.IMAGE_LIBRARY.concept, relationship_type=contains, template_id="1600")
    group = ContainerContentItem(name=codes.IMAGE_LIBRARY_GROUP.concept, relationship_type=contains)
    if entries:
        group.ContentSequence = ContentSequence(entries)
    library.ContentSequence = ContentSequence([group])
    return library


def _comment(words: str) -> TextContentItem:
    from highdicom.sr import RelationshipTypeValues, TextContentItem

    return TextContentItem(name=codes.COMMENT.concept, value=words, relationship_type=RelationshipTypeValues.CONTAINS)


def _unit(unit: str) -> CodedConcept:
    return codes.UNITS.get(unit, codes.Code(unit, "UCUM", unit)).concept


def _decimal(value: float) -> float:
    """A decimal string has sixteen characters; nine digits are more than any pixel is worth."""
    return float(f"{value:.9g}")


def _declare_codes(ds: Dataset) -> None:
    """Say whose the private codes are (PS3.3 C.12.1.1.7)."""
    ds.CodingSchemeIdentificationSequence = [Dataset(), Dataset()]
    for item, (scheme, name) in zip(ds.CodingSchemeIdentificationSequence, codes.SCHEMES.items(), strict=True):
        item.CodingSchemeDesignator = scheme
        item.CodingSchemeName = name
        item.CodingSchemeResponsibleOrganization = name
