"""The one table of indexed attributes: the schema, the queries and the conformance statement all derive from it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum
from functools import cached_property
from types import MappingProxyType

from pydicom.datadict import dictionary_VR, tag_for_keyword


class Level(IntEnum):
    """Levels of the query/retrieve information models (PS3.4 C.6), the outermost first."""

    PATIENT = 0
    STUDY = 1
    SERIES = 2
    INSTANCE = 3


class Matching(Enum):
    """How a key of this attribute is compared (PS3.4 C.2.2.2)."""

    UID = "single value or list of UID"
    TEXT = "single value or wildcard"
    NAME = "single value or wildcard, without case, diacritics and component delimiters"
    DATE = "single value or range of dates"
    TIME = "single value or range of times"
    NUMBER = "single value"


@dataclass(frozen=True)
class Attribute:
    """One indexed attribute: its keyword in the standard, the level it belongs to, its column and its matching."""

    keyword: str
    level: Level
    matching: Matching

    @cached_property
    def tag(self) -> int:
        """The tag as one number, 0xGGGGEEEE (PS3.6)."""
        tag = tag_for_keyword(self.keyword)
        if tag is None:
            raise ValueError(f"{self.keyword} is not a keyword of PS3.6")
        return tag

    @cached_property
    def vr(self) -> str:
        """The value representation of PS3.6."""
        return dictionary_VR(self.tag)

    @cached_property
    def column(self) -> str:
        """The column's name: the keyword in snake case, with acronyms kept together."""
        return _snake(self.keyword)

    @property
    def folded_column(self) -> str:
        """The column that holds the folded form, for attributes matched by NAME."""
        return f"{self.column}_folded"

    @property
    def sql_type(self) -> type[int] | type[str]:
        """INTEGER for numbers, TEXT for all else."""
        return int if self.matching is Matching.NUMBER else str


def _snake(keyword: str) -> str:
    out = ""
    for i, c in enumerate(keyword):
        starts_word = c.isupper() and i > 0
        after_lower = starts_word and not keyword[i - 1].isupper()
        ends_acronym = starts_word and i + 1 < len(keyword) and keyword[i + 1].islower()
        out += "_" + c if after_lower or (ends_acronym and keyword[i - 1].isupper()) else c
    # "SOPInstanceUID" and "OtherPatientIDs" read as people write them.
    return out.lower()


def _level(level: Level, matching: Matching, *keywords: str) -> tuple[Attribute, ...]:
    return tuple(Attribute(keyword, level, matching) for keyword in keywords)


ATTRIBUTES: tuple[Attribute, ...] = (
    *_level(Level.PATIENT, Matching.NAME, "PatientName"),
    *_level(Level.PATIENT, Matching.TEXT, "PatientID", "IssuerOfPatientID"),
    *_level(Level.PATIENT, Matching.DATE, "PatientBirthDate"),
    *_level(Level.PATIENT, Matching.TEXT, "PatientSex"),
    *_level(Level.STUDY, Matching.UID, "StudyInstanceUID"),
    *_level(Level.STUDY, Matching.DATE, "StudyDate"),
    *_level(Level.STUDY, Matching.TIME, "StudyTime"),
    *_level(Level.STUDY, Matching.TEXT, "AccessionNumber", "StudyID", "StudyDescription"),
    *_level(Level.STUDY, Matching.NAME, "ReferringPhysicianName"),
    *_level(Level.STUDY, Matching.TEXT, "PatientAge", "InstitutionName"),
    *_level(Level.SERIES, Matching.UID, "SeriesInstanceUID"),
    *_level(Level.SERIES, Matching.TEXT, "Modality"),
    *_level(Level.SERIES, Matching.NUMBER, "SeriesNumber"),
    *_level(Level.SERIES, Matching.DATE, "SeriesDate"),
    *_level(Level.SERIES, Matching.TIME, "SeriesTime"),
    *_level(Level.SERIES, Matching.TEXT, "SeriesDescription", "BodyPartExamined", "ProtocolName", "Laterality"),
    *_level(Level.SERIES, Matching.TEXT, "Manufacturer", "ManufacturerModelName", "StationName"),
    *_level(Level.SERIES, Matching.NAME, "PerformingPhysicianName"),
    *_level(Level.SERIES, Matching.DATE, "PerformedProcedureStepStartDate"),
    *_level(Level.SERIES, Matching.TIME, "PerformedProcedureStepStartTime"),
    *_level(Level.SERIES, Matching.UID, "FrameOfReferenceUID"),
    *_level(Level.INSTANCE, Matching.UID, "SOPInstanceUID", "SOPClassUID"),
    *_level(Level.INSTANCE, Matching.NUMBER, "InstanceNumber"),
    *_level(Level.INSTANCE, Matching.DATE, "ContentDate"),
    *_level(Level.INSTANCE, Matching.TIME, "ContentTime"),
    *_level(Level.INSTANCE, Matching.NUMBER, "Rows", "Columns", "BitsAllocated", "NumberOfFrames"),
)

BY_KEYWORD = MappingProxyType({a.keyword: a for a in ATTRIBUTES})


def at_level(level: Level) -> tuple[Attribute, ...]:
    """Return the attributes of `level`, in the table's order."""
    return tuple(a for a in ATTRIBUTES if a.level is level)
