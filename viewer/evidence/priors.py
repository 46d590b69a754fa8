"""Earlier and later studies of the same patient, and what a series is like, so that a match can be found for it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from storage.archive import Archive
from storage.attributes import Level
from storage.errors import NotFound, PixelError
from storage.model import Series, Study
from storage.names import fold
from storage.pixels import open_object
from storage.query import OneOf, Order, Query, attribute
from viewer.rendering.attributes import macro, number
from viewer.rendering.geometry import read_cosines
from viewer.stacks import Stacks

PRIORS_MAX = 50
AXIAL, SAGITTAL, CORONAL, OBLIQUE = "axial", "sagittal", "coronal", "oblique"
# A plane counts as axial, sagittal or coronal up to about 25 degrees from it: gantries and discs are tilted.
_NEAR = 0.9


@dataclass(frozen=True, slots=True)
class Likeness:
    """What matters when a series is looked for in another study; `plane` is empty for projections."""

    uid: str
    modality: str
    number: int | None
    description: str
    body_part: str
    laterality: str
    frames: int
    plane: str
    slice_thickness: float | None
    frame_of_reference: str

    def json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


def other_studies(archive: Archive, study: Study) -> list[Study]:
    """Return the patient's other studies, the newest first: the same Patient ID of the same issuer.

    A study without a Patient ID has none: names alone do not make two people one.
    """
    if not study.patient_id:
        return []
    same = (
        OneOf(attribute("PatientID"), (study.patient_id,)),
        OneOf(attribute("IssuerOfPatientID"), (study.issuer_of_patient_id,)),
    )
    order = (Order(attribute("StudyDate"), descending=True), Order(attribute("StudyTime"), descending=True))
    conditions = same if study.issuer_of_patient_id else same[:1]
    found = archive.studies(Query(Level.STUDY, conditions, order, PRIORS_MAX + 1))
    return [
        other
        for other in found
        if other.study_instance_uid != study.study_instance_uid
        and other.issuer_of_patient_id == study.issuer_of_patient_id
    ][:PRIORS_MAX]


def is_doubtful(study: Study, other: Study) -> bool:
    """Tell whether the two may be different people after all: another name, birth date or sex under the same ID."""
    pairs = (
        (fold(study.patient_name), fold(other.patient_name)),
        (study.patient_birth_date, other.patient_birth_date),
        (study.patient_sex, other.patient_sex),
    )
    return any(one and two and one != two for one, two in pairs)


def likeness(series: Series, stacks: Stacks) -> Likeness | None:
    """Return what `series` is like; None where it has no images. Reads the header of its middle image."""
    stack = stacks.of(series)
    if not stack.total:
        return None
    instance, index = stack.at(stack.total // 2)
    cosines: tuple[float, ...] = ()
    thickness: float | None = None
    try:
        with open_object(instance.path) as obj:
            cosines = read_cosines(obj.ds, index)
            thickness = number(macro(obj.ds, index, "PixelMeasuresSequence"), "SliceThickness")
    except (PixelError, NotFound):
        pass  # an image that cannot be read is of no known plane; its cell says why when it is shown
    return Likeness(
        uid=series.series_instance_uid,
        modality=series.modality,
        number=series.series_number,
        description=series.series_description or series.protocol_name,
        body_part=series.body_part_examined,
        laterality=series.laterality,
        frames=stack.total,
        plane=plane_of(cosines),
        slice_thickness=thickness,
        frame_of_reference=series.frame_of_reference_uid,
    )


def plane_of(cosines: tuple[float, ...]) -> str:
    """Return the plane of Image Orientation (Patient); empty where there is none."""
    if len(cosines) != 6:
        return ""
    (a, b, c), (d, e, f) = cosines[:3], cosines[3:]
    normal = (abs(b * f - c * e), abs(c * d - a * f), abs(a * e - b * d))
    if max(normal) < _NEAR:
        return OBLIQUE
    return (SAGITTAL, CORONAL, AXIAL)[normal.index(max(normal))]
