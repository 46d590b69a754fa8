"""Query parameters of QIDO-RS to a query of the archive (PS3.18 10.6.1, 8.3.4). Pure.

Facts this rests on:
- 8.3.4.1: an attribute is named by its keyword or its eight hexadecimal digits, one within a sequence by a path with
  dots. A list of UIDs is separated by commas, as C-FIND does it by backslashes (8.3.4.2); both are read, and so is a
  list of codes, since no code holds a comma.
- 8.3.4.3: `includefield` adds attributes to those that are always there, `all` adds all that there are.
- 10.6.1.2: what a server cannot match by is ignored, and said in a warning. What is no attribute at all is a mistake
  of the caller, and refused.
- PS3.5 7.8.1: a private attribute is named by its tag as it stands in the objects. It means nothing without its Private
  Creator, so that is answered beside it. What VR it has only the objects tell, so it may be a sequence.
- 8.3.4.2: `fuzzymatching` of names is the server's own. All matching of names here is without case and diacritics; with
  it, words of a name match in any order and from their beginning on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pydicom.config import IGNORE
from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from storage.answers import COMPUTED, is_known
from storage.attributes import BY_KEYWORD, Level, Matching
from storage.errors import QueryError
from storage.names import tokens
from storage.optional_keys import FROM_OBJECTS, MATCHED_IN_SERIES, STAND_FOR
from storage.query import Condition, OneOf, Order, Query, Wildcard, Words, condition

LIMIT_MAX = 5000
"""The most answers of one request; more can be had with `offset`."""
VALUES_MAX = 5000
NUMBER_MAX = 999_999_999
"""The largest `limit` and `offset` that are understood."""
_LONGEST_VALUE = 1 << 17
_PARAMETERS = frozenset({"limit", "offset", "fuzzymatching", "includefield", "accept", "charset"})
_TAG = re.compile(r"[0-9A-Fa-f]{8}\Z")
_GROUP = re.compile(r"([0-9A-Fa-f]{4})(?:[xX]{4})?\Z")
_WHOLE = re.compile(r"[0-9]{1,9}\Z")
_DEPTH_MAX = 8
_NO_GROUPS = frozenset({0x0001, 0x0003, 0x0005, 0x0007, 0xFFFF})

_STUDY = ("StudyDate", "StudyTime", "AccessionNumber", "ModalitiesInStudy", "ReferringPhysicianName",
          "StudyDescription", "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyID",
          "NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances")  # fmt: skip
_SERIES = ("Modality", "SeriesDescription", "SeriesNumber", "NumberOfSeriesRelatedInstances",
           "PerformedProcedureStepStartDate", "PerformedProcedureStepStartTime")  # fmt: skip
_INSTANCE = ("SOPClassUID", "InstanceNumber", "Rows", "Columns", "BitsAllocated", "NumberOfFrames")
ALWAYS: Mapping[Level, tuple[str, ...]] = {Level.STUDY: _STUDY, Level.SERIES: _SERIES, Level.INSTANCE: _INSTANCE}
"""What is answered without being asked for (PS3.18 tables 10.6.3-3 to 10.6.3-5)."""
UNIQUE: Mapping[Level, str] = {
    Level.STUDY: "StudyInstanceUID",
    Level.SERIES: "SeriesInstanceUID",
    Level.INSTANCE: "SOPInstanceUID",
}
_SEQUENCE_OF_SERIES = 0x00400275
_NOT_MATCHED = frozenset({0x00080005, 0x00080052, 0x00080054, 0x00080056, 0x00081190})

Path = tuple[int, ...]
"""Tags from the outermost sequence to an attribute."""


@dataclass(frozen=True, slots=True)
class Search:
    """One search, understood."""

    level: Level
    conditions: tuple[Condition, ...]
    order: tuple[Order, ...]
    limit: int
    offset: int
    is_capped: bool
    """The caller asked for more than is answered at once, or set no limit."""
    indexed: tuple[str, ...]
    """Keywords that the index answers."""
    from_object: frozenset[Path]
    """Attributes that are read from the object."""
    everything: bool
    """All attributes of the object are asked for."""
    groups: frozenset[int]
    """Groups of which all attributes of the object are asked for."""
    matched_in_object: Dataset
    """Keys that are compared with the object."""
    ignored: tuple[str, ...]
    """Attributes that cannot be matched by, or are not known here."""

    @property
    def reads_objects(self) -> bool:
        """Whether the index alone does not answer it."""
        return bool(self.from_object or self.everything or self.groups or len(self.matched_in_object))

    def query(self, limit: int | None, offset: int) -> Query:
        """Return the query of the index."""
        return Query(self.level, self.conditions, self.order, limit, offset)


@dataclass(slots=True)
class _Reading:
    """What becomes of the parameters one after the other."""

    level: Level
    fuzzy: bool
    conditions: list[Condition]
    indexed: list[str]
    from_object: set[Path] = field(default_factory=set)
    groups: set[int] = field(default_factory=set)
    everything: bool = False
    matched: Dataset = field(default_factory=Dataset)
    ignored: list[str] = field(default_factory=list)


def parse(level: Level, nested: Sequence[Condition], arguments: Mapping[str, Sequence[str]]) -> Search:
    """Read the parameters of a search at `level`, below what the path names in `nested`.

    Raises:
        QueryError: something cannot be understood; the text says what, in one sentence.
    """
    asked = _number(arguments, "limit")
    reading = _Reading(level, _flag(arguments, "fuzzymatching"), list(nested), [*_always(level, len(nested))])
    for name, values in arguments.items():
        if name not in _PARAMETERS:
            _take_key(reading, name, values)
    for field_name in _listed(arguments.get("includefield", ())):
        _include(reading, field_name)
    if level is Level.SERIES and nested:
        reading.from_object.add((_SEQUENCE_OF_SERIES,))
    return Search(
        level=level,
        conditions=tuple(reading.conditions),
        order=_order(level, len(nested)),
        limit=LIMIT_MAX if asked is None else min(asked, LIMIT_MAX),
        offset=_number(arguments, "offset") or 0,
        is_capped=asked is None or asked > LIMIT_MAX,
        indexed=tuple(dict.fromkeys(reading.indexed)),
        from_object=frozenset(reading.from_object),
        everything=reading.everything,
        groups=frozenset(reading.groups),
        matched_in_object=reading.matched,
        ignored=tuple(dict.fromkeys(reading.ignored)),
    )


def _always(level: Level, nested: int) -> Iterable[str]:
    """Levels that the path does not name are answered as well (PS3.18 10.6.3.3), and all UIDs up to the level."""
    for upper in (Level.STUDY, Level.SERIES, Level.INSTANCE):
        if upper <= level:
            yield UNIQUE[upper]
            if upper is level or upper - Level.STUDY >= nested:
                yield from ALWAYS[upper]


def _order(level: Level, nested: int) -> tuple[Order, ...]:
    if level is Level.STUDY:
        keys = [("StudyDate", True), ("StudyTime", True)]
    elif level is Level.SERIES:
        keys = [("SeriesNumber", False)] if nested else []
    else:
        keys = [("SeriesNumber", False), ("InstanceNumber", False)][nested - 1 :] if nested else []
    return tuple(Order(BY_KEYWORD[keyword], descending) for keyword, descending in keys)


def _number(arguments: Mapping[str, Sequence[str]], name: str) -> int | None:
    values = arguments.get(name, ())
    if not values:
        return None
    if len(values) > 1 or _WHOLE.match(values[0]) is None or (name == "limit" and int(values[0]) == 0):
        first = 1 if name == "limit" else 0
        raise QueryError(f"{name} has to be one whole number from {first} to {NUMBER_MAX}")
    return int(values[0])


def _flag(arguments: Mapping[str, Sequence[str]], name: str) -> bool:
    values = arguments.get(name, ("false",))
    if len(values) > 1 or values[0].lower() not in ("true", "false"):
        raise QueryError(f"{name} has to be true or false")
    return values[0].lower() == "true"


def _listed(values: Iterable[str]) -> Iterable[str]:
    return (part for value in values for part in (piece.strip() for piece in value.split(",")) if part)


def path_of(name: str) -> Path:
    """Return the tags that a name means.

    Raises:
        QueryError: a part of it is neither a keyword nor a tag of the dictionary.
    """
    steps = name.split(".")
    if len(steps) > _DEPTH_MAX:
        raise QueryError(f"{name[:64]!r} is a path of more than {_DEPTH_MAX} attributes")
    path = tuple(_tag_of(step) for step in steps)
    if any(_vr_of(tag) not in ("SQ", "") for tag in path[:-1]):
        raise QueryError(f"{name[:64]!r} leads through an attribute that is no sequence")
    return path


def _tag_of(name: str) -> int:
    tag = int(name, 16) if _TAG.match(name) else tag_for_keyword(name) if name.isascii() else None
    if tag is not None and (_is_private(tag) or _vr_of(tag)):
        return int(tag)
    raise QueryError(f"{name[:64]!r} is no attribute: neither a keyword nor a tag of eight hexadecimal digits")


def _vr_of(tag: int) -> str:
    """Return the VR of an attribute of the standard, empty for any other."""
    try:
        return dictionary_VR(tag)
    except KeyError:
        return ""


def _is_private(tag: int) -> bool:
    """Tell whether a tag can be that of a private attribute, or of a Private Creator (PS3.5 7.1, 7.8.1)."""
    group, element = tag >> 16, tag & 0xFFFF
    return group % 2 == 1 and group not in _NO_GROUPS and (0x10 <= element <= 0xFF or element >= 0x1000)


def _with_creators(path: Path) -> set[Path]:
    """Return a path, and those to the Private Creators of the private attributes on it."""
    found = {path}
    for depth, tag in enumerate(path):
        if _is_private(tag) and tag & 0xFFFF >= 0x1000:
            found.add((*path[:depth], tag & 0xFFFF0000 | (tag & 0xFFFF) >> 8))
    return found


def _include(reading: _Reading, name: str) -> None:
    if name.lower() == "all":
        _include_all(reading)
        return
    group = _GROUP.match(name)
    if group is not None and tag_for_keyword(name) is None:
        _include_group(reading, int(group[1], 16))
        return
    path = path_of(name)
    _answer_with(reading, path, name)


def _include_all(reading: _Reading) -> None:
    reading.indexed += [k for k, a in BY_KEYWORD.items() if Level.PATIENT <= a.level <= reading.level]
    reading.indexed += COMPUTED[reading.level]
    for keyword in FROM_OBJECTS.get(reading.level, ()):
        reading.from_object.add((_tag_of(keyword),))
    reading.everything = reading.level is Level.INSTANCE


def _include_group(reading: _Reading, group: int) -> None:
    known = [k for k, a in BY_KEYWORD.items() if a.level <= reading.level] + list(COMPUTED[reading.level])
    reading.indexed += [keyword for keyword in known if _tag_of(keyword) >> 16 == group]
    if reading.level is Level.INSTANCE:
        reading.groups.add(group)
    for keyword in FROM_OBJECTS.get(reading.level, ()):
        if _tag_of(keyword) >> 16 == group:
            reading.from_object.add((_tag_of(keyword),))


def _answer_with(reading: _Reading, path: Path, name: str) -> None:
    keyword = keyword_for_tag(path[0])
    if len(path) == 1 and is_known(keyword, reading.level):
        reading.indexed.append(keyword)
    elif _is_in_objects(reading.level, path[0]):
        reading.from_object |= _with_creators(path)
    elif path[0] not in _NOT_MATCHED and not (keyword == "Modality" and reading.level is Level.STUDY):
        reading.ignored.append(name)


def _is_in_objects(level: Level, tag: int) -> bool:
    if level is Level.INSTANCE:
        return tag >> 16 not in (0x7FE0, 0x0002) and not any(
            keyword_for_tag(tag) in known for known in COMPUTED.values()
        )
    return keyword_for_tag(tag) in FROM_OBJECTS.get(level, ())


def _take_key(reading: _Reading, name: str, values: Sequence[str]) -> None:
    path = path_of(name)
    if any(len(value) > _LONGEST_VALUE for value in values):
        raise QueryError(f"{name}: a value of more than {_LONGEST_VALUE} characters")
    keyword = keyword_for_tag(path[0])
    if len(path) == 1 and _is_matched(keyword, reading.level):
        attribute = STAND_FOR.get(keyword, keyword) if keyword not in BY_KEYWORD else keyword
        reading.conditions += _conditions(attribute, _values(BY_KEYWORD[attribute].vr, values), reading.fuzzy)
    elif path[0] in _NOT_MATCHED or not any(values):
        pass
    elif _is_in_objects(reading.level, path[0]) and (reading.level is Level.INSTANCE or keyword in MATCHED_IN_SERIES):
        _match_in_object(reading.matched, path, values)
    else:
        reading.ignored.append(name)
    # A key that is matched by is answered as well (PS3.18 10.6.3.3).
    _answer_with(reading, path, name)


def _is_matched(keyword: str, level: Level) -> bool:
    attribute = BY_KEYWORD.get(keyword)
    if attribute is not None:
        # Modality at study level means Modalities in Study.
        return attribute.level <= level or (keyword == "Modality" and level is Level.STUDY)
    return keyword in STAND_FOR and level is Level.STUDY


def _values(vr: str, values: Sequence[str]) -> list[str]:
    """Split lists: of UIDs and codes at commas and backslashes, of others at backslashes."""
    separators = re.compile(r"[\\,]" if vr in ("UI", "CS", "IS", "US") else r"\\")
    found = [part.strip() for value in values for part in separators.split(value)]
    if len(found) > VALUES_MAX:
        raise QueryError(f"a list of {len(found)} values; at most {VALUES_MAX} are looked for")
    return [value for value in found if value]


def _conditions(keyword: str, values: Sequence[str], fuzzy: bool) -> Iterable[Condition]:
    attribute = BY_KEYWORD[keyword]
    if not values or any(not value.strip("*") for value in values):
        return
    if fuzzy and attribute.matching is Matching.NAME and not any(c in "".join(values) for c in "*?"):
        yield Words((attribute,), tuple(word for value in values for word in tokens(value)))
    elif len(values) > 1 and attribute.matching is Matching.TEXT:
        yield OneOf(attribute, tuple(values))
    else:
        found = condition(keyword, "\\".join(values))
        if found is not None and not (isinstance(found, Wildcard) and not found.pattern.strip("*")):
            yield found


def _match_in_object(keys: Dataset, path: Path, values: Sequence[str]) -> None:
    for tag in path[:-1]:
        if tag not in keys:
            keys.add(DataElement(tag, "SQ", [Dataset()]))
        keys = keys[tag].value[0]
    vr = _vr_of(path[-1])
    if vr == "SQ":
        raise QueryError(f"{keyword_for_tag(path[-1])} is a sequence: match by an attribute in it, with a dot")
    # As text whatever the VR, since objects are compared as text (see `storage.objects`).
    keys.add(DataElement(path[-1], vr if vr in _TEXTS else "LO", _values(vr, values), validation_mode=IGNORE))


_TEXTS = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"})
