"""Identifiers of C-FIND: from the peer's data set to a query, and from an answer of the archive to a data set. Pure.

Facts of PS3.4 that this module rests on:
- C.6.1, C.6.2, C.6.3: Patient Root has the levels PATIENT, STUDY, SERIES, IMAGE; Study Root begins at STUDY and counts
  the patient's attributes to it; Patient/Study Only (retired) ends at STUDY.
- C.4.1.2.2.1, C.4.1.3.1.1: without relational queries, each level above that of the query is named by one single value
  of its unique key. With them, none has to be.
- C.2.2.1.2, C.4.1.1.4: an optional key that is not supported is ignored, and the answers carry FF01 instead of FF00.
- C.2.2.2: an empty value asks for the attribute and matches everything; `*` and `?` are wildcards for texts only.
- C.4.1.1.3.2: an answer holds the keys of the request, the level, the character set where one is needed, and says where
  the objects can be retrieved from.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from pydicom import config
from pydicom.charset import python_encoding
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import BaseTag

from pacs.contexts import FIND_CLASSES
from pacs.status import Status
from storage.answers import COMPUTED, OBJECT, Answer, is_known
from storage.attributes import BY_KEYWORD, Level, Matching
from storage.errors import QueryError
from storage.objects import texts
from storage.optional_keys import FROM_OBJECTS, MATCHED_IN_SERIES, STAND_FOR
from storage.query import Combined, Condition, OneOf, Order, Query, Range, Wildcard, condition

UNIQUE_KEYS = MappingProxyType(
    {
        Level.PATIENT: "PatientID",
        Level.STUDY: "StudyInstanceUID",
        Level.SERIES: "SeriesInstanceUID",
        Level.INSTANCE: "SOPInstanceUID",
    }
)
LEVEL_NAMES = MappingProxyType(
    {"PATIENT": Level.PATIENT, "STUDY": Level.STUDY, "SERIES": Level.SERIES, "IMAGE": Level.INSTANCE}
)
_ALL = (Level.PATIENT, Level.STUDY, Level.SERIES, Level.INSTANCE)
MODELS: Mapping[str, Sequence[Level]] = MappingProxyType(
    dict(zip(FIND_CLASSES, (_ALL, _ALL[1:], _ALL[:2]), strict=True))
)
_NOT_KEYS = frozenset({"SpecificCharacterSet", "QueryRetrieveLevel", "RetrieveAETitle", "InstanceAvailability"})
_PAIRS = (
    ("StudyDate", "StudyTime"),
    ("SeriesDate", "SeriesTime"),
    ("ContentDate", "ContentTime"),
    ("PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime"),
)
UTF8 = "ISO_IR 192"
# Sets that are one code without escapes, so that what they can hold is plain.
_PLAIN_SETS = frozenset(
    f"ISO_IR {n}" for n in (100, 101, 109, 110, 126, 127, 138, 144, 148, 166, 192, 203)
) | {"GB18030", "GBK"}  # fmt: skip
_LATIN = "latin-1"
ASCII_ONLY = frozenset({"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI"})
"""No character set holds for these (PS3.5 6.1.2.2)."""


class IdentifierError(Exception):
    """An identifier that cannot be answered: its status, and the reason as Error Comment."""

    def __init__(self, status: Status, comment: str) -> None:
        super().__init__(comment)
        self.status = status


@dataclass(frozen=True, slots=True)
class Options:
    """What was negotiated (PS3.4 C.5.1.1)."""

    relational: bool = False
    combined_date_time: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """One identifier, understood."""

    level_name: str
    query: Query
    indexed: tuple[str, ...]
    """Keywords that the index answers, `OBJECT` among them when the object has to be read."""
    from_object: tuple[int, ...]
    """Tags that are read from the object."""
    matched_in_object: Dataset
    """Keys that are compared with the object."""
    keys: tuple[tuple[int, str], ...]
    """Tag and VR of each key that is answered."""
    unsupported: tuple[str, ...]
    """Keys that are ignored."""
    character_set: str

    @property
    def pending(self) -> Status:
        """The status of each answer."""
        return Status.PENDING_WITH_UNSUPPORTED_KEYS if self.unsupported else Status.PENDING


def parse(identifier: Dataset, sop_class_uid: str, options: Options) -> Request:
    """Read an identifier.

    Raises:
        IdentifierError: A900 when it does not fit the information model, C000 when a value cannot be understood.
    """
    level_name = str(identifier.get("QueryRetrieveLevel") or "").strip()
    level, levels = LEVEL_NAMES.get(level_name), MODELS[sop_class_uid]
    if level is None or level not in levels:
        allowed = ", ".join(name for name, known in LEVEL_NAMES.items() if known in levels)
        raise _mismatch(f"Query/Retrieve Level {level_name[:16]!r} is none of {allowed}")
    _check_unique_keys(identifier, level, levels, options)
    reading = _Reading(level)
    for element in identifier:
        reading.take(element)
    try:
        conditions = _combined(reading.conditions) if options.combined_date_time else tuple(reading.conditions)
    except QueryError as e:
        raise IdentifierError(Status.CANNOT_UNDERSTAND, str(e)) from e
    return Request(
        level_name=level_name,
        query=Query(level, conditions, _order(level, identifier), any_order=True),
        indexed=tuple(dict.fromkeys([*reading.indexed, *([OBJECT] if reading.from_object else [])])),
        from_object=tuple(reading.from_object),
        matched_in_object=reading.matched,
        keys=tuple(reading.keys),
        unsupported=tuple(reading.unsupported),
        character_set="\\".join(_values(identifier, "SpecificCharacterSet")),
    )


def _mismatch(comment: str) -> IdentifierError:
    return IdentifierError(Status.DATA_SET_DOES_NOT_MATCH_SOP_CLASS, comment)


def _check_unique_keys(identifier: Dataset, level: Level, levels: Sequence[Level], options: Options) -> None:
    for above in levels:
        keyword = UNIQUE_KEYS[above]
        values = _values(identifier, keyword)
        if above > level and values and values != ["*"]:
            raise _mismatch(f"{keyword} is below the level of the query")
        if above >= level or options.relational:
            continue
        if not values:
            raise _mismatch(f"{keyword} is missing, and relational queries were not agreed on")
        if len(values) > 1 or "*" in values[0] or "?" in values[0]:
            raise _mismatch(f"{keyword} has to be one single value above the level")


def _order(level: Level, identifier: Dataset) -> tuple[Order, ...]:
    if level is Level.STUDY:
        return (Order(BY_KEYWORD["StudyDate"], True), Order(BY_KEYWORD["StudyTime"], True))
    if level is Level.SERIES and _values(identifier, "StudyInstanceUID"):
        return (Order(BY_KEYWORD["SeriesNumber"]),)
    if level is Level.INSTANCE and _values(identifier, "SeriesInstanceUID"):
        return (Order(BY_KEYWORD["InstanceNumber"]),)
    return ()


class _Reading:
    """What becomes of each key of an identifier."""

    def __init__(self, level: Level) -> None:
        self._level = level
        self.conditions: list[Condition] = []
        self.indexed: list[str] = []
        self.from_object: list[int] = []
        self.matched = Dataset()
        self.keys: list[tuple[int, str]] = []
        self.unsupported: list[str] = []

    def take(self, element: DataElement) -> None:
        """Sort one key in."""
        keyword = keyword_for_tag(element.tag)
        if keyword in _NOT_KEYS or element.tag.element == 0:
            return
        if is_known(keyword, self._level):
            self.indexed.append(keyword)
            # Whatever VR the peer thinks it has.
            self.keys.append((int(element.tag), dictionary_VR(element.tag)))
            self._match(element, keyword)
        elif self._is_in_objects(element.tag, keyword):
            self._take_from_object(element, keyword)
        else:
            self._match_below(element, keyword)
            self.unsupported.append(keyword or str(element.tag))

    def _match(self, element: DataElement, keyword: str) -> None:
        if keyword in BY_KEYWORD:
            self.conditions += _conditions(element, keyword)
        elif keyword in STAND_FOR and self._level <= Level.STUDY:
            self.conditions += _conditions(element, STAND_FOR[keyword])
        elif any(texts(element)):
            self.unsupported.append(keyword)

    def _match_below(self, element: DataElement, keyword: str) -> None:
        """Modality at study level is asked for by many, and means Modalities in Study; it is matched, not answered."""
        if keyword == "Modality" and self._level is Level.STUDY:
            self.conditions += _conditions(element, keyword)

    def _is_in_objects(self, tag: BaseTag, keyword: str) -> bool:
        if self._level is Level.INSTANCE:
            # Pixels are retrieved, not queried; what the index computes is no attribute of an object.
            return tag.group not in (0x7FE0, 0x0002) and not any(keyword in known for known in COMPUTED.values())
        return keyword in FROM_OBJECTS.get(self._level, ())

    def _take_from_object(self, element: DataElement, keyword: str) -> None:
        self.from_object.append(int(element.tag))
        self.keys.append((int(element.tag), element.VR))
        asks = (element.VR == "SQ" and bool(element.value)) or any(texts(element))
        if not asks:
            return
        if self._level is Level.INSTANCE or keyword in MATCHED_IN_SERIES:
            self.matched.add(element)
        else:
            self.unsupported.append(keyword)


def _conditions(element: DataElement, keyword: str) -> Iterator[Condition]:
    values = [repaired(value) for value in texts(element) if value]
    try:
        if len(values) > 1 and BY_KEYWORD[keyword].matching is Matching.TEXT:
            yield OneOf(BY_KEYWORD[keyword], tuple(values))
            return
        found = condition(keyword, "\\".join(values))
    except QueryError as e:
        raise IdentifierError(Status.CANNOT_UNDERSTAND, str(e)) from e
    if found is not None and not _is_universal(found):
        yield found


def _is_universal(c: Condition) -> bool:
    """`*` asks for everything whatever the VR, also where it is no wildcard (PS3.4 C.2.2.2.3)."""
    if isinstance(c, Wildcard):
        return not c.pattern.strip("*")
    return isinstance(c, OneOf) and c.values == ("*",)


def repaired(value: str) -> str:
    """Read UTF-8 that came without its character set, as objects that come so are read (see `storage.text`)."""
    if value.isascii():
        return value
    try:
        return value.encode(_LATIN).decode("utf-8")
    except UnicodeError:
        return value


def _values(identifier: Dataset, keyword: str) -> list[str]:
    element = identifier.get_item(keyword)
    return [] if element is None else [value for value in texts(identifier[keyword]) if value]


def _combined(conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    """Join a range of dates and one of times to one range (PS3.4 C.2.2.2.5.3)."""
    ranges = {c.attribute.keyword: c for c in conditions if isinstance(c, Range)}
    joined: list[Condition] = []
    gone: list[Condition] = []
    for date, time in _PAIRS:
        if date in ranges and time in ranges:
            d, t = ranges[date], ranges[time]
            joined.append(Combined(d.attribute, t.attribute, d.first, t.first, d.last, t.last))
            gone += [d, t]
    return (*(c for c in conditions if c not in gone), *joined)


def answer(request: Request, found: Answer, from_object: Dataset, retrieve_aet: str) -> Dataset:
    """Return the identifier of one answer; keys whose attribute has no value are there, empty."""
    ds = Dataset()
    for tag, vr in request.keys:
        keyword = keyword_for_tag(tag)
        if keyword in found.values:
            value = found.values[keyword]
            ds.add(_element(tag, vr, "" if value is None else value))
        elif tag in from_object:
            ds.add(_copied(from_object[tag]))
        else:
            ds.add(_element(tag, vr, Items() if vr == "SQ" else None))
    ds.add(_element(0x00080052, "CS", request.level_name))
    ds.add(_element(0x00080054, "AE", retrieve_aet))
    ds.add(_element(0x00080056, "CS", "ONLINE"))
    chosen = character_set(request.character_set, list(_all_texts(ds)))
    if chosen:
        ds.add(_element(0x00080005, "CS", chosen))
    return ds


def _element(tag: int, vr: str, value: object) -> DataElement:
    if vr in ASCII_ONLY and isinstance(value, str) and not value.isascii():
        value = value.encode("ascii", "replace").decode("ascii")
    # What devices stored is given back as it is, also where it is longer than its VR allows.
    return DataElement(tag, vr, value, validation_mode=config.IGNORE)


def _copied(element: DataElement) -> DataElement:
    """Copy an element without what it remembers of its own character set."""
    if element.VR == "SQ":
        return _element(int(element.tag), "SQ", Items(_copied_item(item) for item in element.value))
    if element.VR == "PN":
        return _element(int(element.tag), "PN", list(texts(element)))
    return element


def _copied_item(item: Dataset) -> Dataset:
    copy = Dataset()
    for element in item:
        if keyword_for_tag(element.tag) != "SpecificCharacterSet":
            copy.add(_copied(element))
    return copy


def character_set(requested: str, texts: Sequence[str]) -> str:
    """Return the set of the request where it holds every text, UTF-8 otherwise; empty where plain ASCII will do."""
    values = [text for text in texts if not text.isascii()]
    if not values:
        return requested if requested in _PLAIN_SETS else ""
    if requested in _PLAIN_SETS and all(_holds(requested, value) for value in values):
        return requested
    return UTF8


def _holds(name: str, value: str) -> bool:
    codec = python_encoding[name]
    try:
        return value.encode(codec).decode(codec) == value
    except UnicodeError:
        return False


def _all_texts(ds: Dataset) -> Iterator[str]:
    for element in ds:
        if element.VR == "SQ":
            for item in element.value:
                yield from _all_texts(item)
        else:
            yield from texts(element)
