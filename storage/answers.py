"""What a query of any level can be answered with from the index, by keyword (PS3.4 C.6.1.1, C.6.2.1)."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from storage.attributes import BY_KEYWORD, Level
from storage.errors import QueryError
from storage.rows import relative_path

Value = str | int | None

_OF_PATIENT = "(SELECT {0} FROM study AS s WHERE s.patient = {1})"
_OF_STUDY = "(SELECT group_concat(v, '\\') FROM (SELECT DISTINCT {0} AS v FROM {1} AND {0} <> '' ORDER BY 1))"
_CLASSES = "series AS r JOIN instance AS i ON i.series = r.id WHERE r.study = study.id"


def _counted(patient: str) -> dict[str, str]:
    return {
        "NumberOfPatientRelatedStudies": _OF_PATIENT.format("count(*)", patient),
        "NumberOfPatientRelatedSeries": _OF_PATIENT.format("sum(s.number_of_series)", patient),
        "NumberOfPatientRelatedInstances": _OF_PATIENT.format("sum(s.number_of_instances)", patient),
    }


_STUDY = {
    "ModalitiesInStudy": "study.modalities",
    "SOPClassesInStudy": _OF_STUDY.format("i.sop_class_uid", _CLASSES),
    "NumberOfStudyRelatedSeries": "study.number_of_series",
    "NumberOfStudyRelatedInstances": "study.number_of_instances",
}
_SERIES = {"NumberOfSeriesRelatedInstances": "series.number_of_instances"}
# Computed keys by the level of the query (PS3.4 table C.6-1 to C.6-4, C.3.4).
COMPUTED: Mapping[Level, Mapping[str, str]] = {
    Level.PATIENT: _counted("patient.id"),
    Level.STUDY: {**_counted("study.patient"), **_STUDY},
    Level.SERIES: {**_counted("study.patient"), **_STUDY, **_SERIES},
    Level.INSTANCE: {
        **_counted("study.patient"),
        **_STUDY,
        **_SERIES,
        "AvailableTransferSyntaxUID": "instance.transfer_syntax_uid",
    },
}
# Where an object stands that speaks for the series or study: its first one.
_FIRST = (
    "(SELECT i.received_on || '/' || r.series_instance_uid || '/' || i.sop_instance_uid"
    " FROM series AS r JOIN instance AS i ON i.series = r.id WHERE {0} ORDER BY i.id LIMIT 1)"
)
_OBJECT = {
    Level.STUDY: _FIRST.format("r.study = study.id"),
    Level.SERIES: _FIRST.format("r.id = series.id"),
    Level.INSTANCE: "instance.received_on || '/' || series.series_instance_uid || '/' || instance.sop_instance_uid",
}
OBJECT = "object"
"""Asked for as if it were a keyword: the file of the object, or of the first one of a series or study."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One match: values by keyword (several joined by a backslash), and the file of the object if asked for."""

    values: Mapping[str, Value]
    path: Path | None = None


def is_known(keyword: str, level: Level) -> bool:
    """Tell whether the index has values of this keyword at this level, or above it."""
    a = BY_KEYWORD.get(keyword)
    return keyword in COMPUTED[level] or (a is not None and a.level <= level)


def columns(level: Level, keywords: Sequence[str]) -> str:
    """Return the columns to select for these keywords, in their order.

    Raises:
        QueryError: a keyword that this level cannot answer.
    """
    return ", ".join(_column(level, keyword) for keyword in keywords) or "1"


def _column(level: Level, keyword: str) -> str:
    if keyword == OBJECT and level in _OBJECT:
        return f"{_OBJECT[level]}, study.study_instance_uid"
    if keyword in COMPUTED[level]:
        return COMPUTED[level][keyword]
    if not is_known(keyword, level):
        raise QueryError(f"{keyword} is not known at the {level.name.lower()} level")
    a = BY_KEYWORD[keyword]
    own = {Level.PATIENT: "patient" if level is Level.PATIENT else "study"}
    return f"{own.get(a.level, a.level.name.lower())}.{a.column}"


def answer(row: sqlite3.Row, level: Level, keywords: Sequence[str], data: Path) -> Answer:
    """Read a row of `columns`; paths are below `data`."""
    values: dict[str, Value] = {}
    path, at = None, 0
    for keyword in keywords:
        if keyword == OBJECT:
            path = _path(row[at], row[at + 1], data)
            at += 2
        else:
            values[keyword] = row[at]
            at += 1
    return Answer(values, path)


def _path(place: str | None, study_instance_uid: str, data: Path) -> Path | None:
    if place is None:
        return None
    received_on, series_instance_uid, sop_instance_uid = place.rsplit("/", 2)
    return data / relative_path(received_on, study_instance_uid, series_instance_uid, sop_instance_uid)
