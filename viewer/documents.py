"""Objects that are no images: structured reports as readable text, PDFs as files. Knows no HTTP.

A structured report is a tree of content items (PS3.3 C.17.3); it is flattened here into lines with a depth, bounded in
depth and number, and escaped by the template like any text.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import EncapsulatedPDFStorage, KeyObjectSelectionDocumentStorage, RTStructureSetStorage

from storage.errors import PixelError
from storage.model import Instance
from storage.names import display as person_name
from viewer.display import date, time
from viewer.evidence import codes, segmentation
from viewer.evidence.video import is_video
from viewer.rendering.attributes import items, text, texts, value_of

SR_CLASSES = "1.2.840.10008.5.1.4.1.1.88."
"""What the SOP classes of structured reports begin with (PS3.4 B.5)."""
READ_MAX = 48 << 20
LINES_MAX = 5000
DEPTH_MAX = 40
FRAME_DIGITS = 9
PDF_MARK = b"%PDF-"


class Kind(Enum):
    """What a page can do with an object."""

    REPORT = "report"
    PDF = "pdf"
    IMAGE = "image"
    WAVEFORM = "waveform"
    VIDEO = "video"
    SEGMENTATION = "segmentation"
    STRUCTURES = "structures"
    VIEW = "view"
    KEY_IMAGES = "key images"
    OTHER = "other"


_KINDS: dict[str, Kind] = {
    EncapsulatedPDFStorage: Kind.PDF,
    RTStructureSetStorage: Kind.STRUCTURES,
    KeyObjectSelectionDocumentStorage: Kind.KEY_IMAGES,
}
_BEGINNINGS = (
    (Kind.WAVEFORM, "1.2.840.10008.5.1.4.1.1.9."),
    (Kind.VIEW, "1.2.840.10008.5.1.4.1.1.11."),
    (Kind.REPORT, SR_CLASSES),
)


@dataclass(frozen=True, slots=True)
class Reference:
    """An object that a content item names, and which of its frames (from 1; none for all)."""

    sop_class: str
    instance: str
    frames: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """One content item: its depth, what it is about, and its value; a heading has no value.

    `kind` is its Value Type. A number has its unit in `unit`, not in `value`; what refers to objects names them.
    """

    depth: int
    concept: str
    value: str
    is_container: bool
    kind: str = ""
    unit: str = ""
    references: tuple[Reference, ...] = ()

    @property
    def words(self) -> str:
        """The value with its unit."""
        return f"{self.value} {self.unit}".strip()


def kind_of(instance: Instance) -> Kind:
    """Return what can be done with `instance`, by its SOP class."""
    uid = instance.sop_class_uid
    if uid in _KINDS:
        return _KINDS[uid]
    for kind, beginning in _BEGINNINGS:
        if uid.startswith(beginning):
            return kind
    if uid in segmentation.CLASSES:
        return Kind.SEGMENTATION
    if is_video(instance):
        return Kind.VIDEO
    return Kind.IMAGE if instance.has_pixels else Kind.OTHER


def read_report(instance: Instance) -> tuple[str, list[Line]]:
    """Return the title and the lines of a structured report; `PixelError` where it cannot be read."""
    ds = _read(instance)
    lines: list[Line] = []
    for line in _lines(ds):
        if len(lines) == LINES_MAX:
            lines.append(Line(0, "…", "", is_container=False))
            break
        lines.append(line)
    return _code(ds, "ConceptNameCodeSequence"), lines


def read_pdf(instance: Instance) -> bytes:
    """Return the PDF inside `instance`; `PixelError` where there is none, whatever it claims to be.

    Its length is Encapsulated Document Length where stated, else the padding byte goes (PS3.3 C.24.2).
    """
    ds = _read(instance)
    value = value_of(ds, "EncapsulatedDocument")
    if not isinstance(value, bytes) or not value.startswith(PDF_MARK):
        raise PixelError("the encapsulated document is not a PDF")
    stated = value_of(ds, "EncapsulatedDocumentLength")
    if isinstance(stated, int) and 0 < stated <= len(value):
        return value[:stated]
    return value.removesuffix(b"\0")


def _read(instance: Instance) -> Dataset:
    if instance.size > READ_MAX:
        raise PixelError(f"a document of {instance.size} bytes is too large to show here")
    try:
        return dcmread(instance.path)
    except (InvalidDicomError, OSError, EOFError, ValueError, KeyError, NotImplementedError) as error:
        raise PixelError(f"{instance.path.name}: {error}") from error


def _lines(ds: Dataset) -> Iterator[Line]:
    stack: list[tuple[int, Dataset]] = [(0, item) for item in reversed(items(ds, "ContentSequence"))]
    while stack:
        depth, item = stack.pop()
        kind = text(item, "ValueType")
        concept, is_container = _code(item, "ConceptNameCodeSequence"), kind == "CONTAINER"
        yield Line(depth, concept, _value(item, kind), is_container, kind, _unit(item, kind), _references(item))
        if depth < DEPTH_MAX:
            stack.extend((depth + 1, child) for child in reversed(items(item, "ContentSequence")))


def _value(item: Dataset, kind: str) -> str:
    """Return the value of a content item in words (PS3.3 C.17.3.2)."""
    match kind:
        case "TEXT":
            return text(item, "TextValue")
        case "CODE":
            return _code(item, "ConceptCodeSequence")
        case "NUM":
            return _measured(item)
        case "PNAME":
            return person_name(text(item, "PersonName"))
        case "DATE":
            return date(text(item, "Date"))
        case "TIME":
            return time(text(item, "Time"))
        case "DATETIME":
            stamp = text(item, "DateTime")
            return f"{date(stamp[:8])} {time(stamp[8:14])}".strip()
        case "UIDREF":
            return text(item, "UID")
        case "SCOORD" | "SCOORD3D" | "TCOORD":
            return " ".join((text(item, "GraphicType"), text(item, "TemporalRangeType"))).strip()
        case "IMAGE" | "COMPOSITE" | "WAVEFORM":
            return ", ".join(_reference(reference) for reference in items(item, "ReferencedSOPSequence"))
        case _:
            return ""


def _measured(item: Dataset) -> str:
    measured = items(item, "MeasuredValueSequence")
    if not measured:
        return _code(item, "NumericValueQualifierCodeSequence")
    return text(measured[0], "NumericValue")


def _unit(item: Dataset, kind: str) -> str:
    measured = items(item, "MeasuredValueSequence") if kind == "NUM" else ()
    unit = _code(measured[0], "MeasurementUnitsCodeSequence", "CodeValue") if measured else ""
    return codes.UNIT_SIGNS.get(unit, unit)


def _reference(reference: Dataset) -> str:
    frames = "\\".join(texts(reference, "ReferencedFrameNumber"))
    uid = text(reference, "ReferencedSOPInstanceUID")
    return f"{uid} [{frames}]" if frames else uid


def _references(item: Dataset) -> tuple[Reference, ...]:
    return tuple(
        Reference(
            text(reference, "ReferencedSOPClassUID"),
            uid,
            tuple(
                int(frame)
                for frame in texts(reference, "ReferencedFrameNumber")
                if frame.isdecimal() and len(frame) <= FRAME_DIGITS
            ),
        )
        for reference in items(item, "ReferencedSOPSequence")
        if (uid := text(reference, "ReferencedSOPInstanceUID"))
    )


def _code(ds: Dataset, keyword: str, part: str = "CodeMeaning") -> str:
    """Return the code in words; a code without a meaning is named by its value and scheme."""
    found = items(ds, keyword)
    if not found:
        return ""
    value, scheme = (
        text(found[0], "CodeValue") or text(found[0], "LongCodeValue"),
        text(found[0], "CodingSchemeDesignator"),
    )
    return text(found[0], part) or text(found[0], "CodeMeaning") or " ".join(filter(None, (value, scheme)))
