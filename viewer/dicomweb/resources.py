"""From the UIDs of an address to what is stored; a UID that is none, or does not belong there, is not found.

Who may ask is said by the mark of the view (`viewer.permissions.needs`), looked at before any of this runs.
"""

from __future__ import annotations

from storage.attributes import BY_KEYWORD, Level
from storage.errors import NotFound
from storage.model import Instance, Series, Study
from storage.query import Condition, OneOf, Query
from storage.uid import checked
from viewer.services import archive

_KEYWORDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")


def conditions(*uids: str) -> tuple[Condition, ...]:
    """Return the conditions of the UIDs of a path: study, series, instance, as far as given.

    Raises:
        UnsafeUID: one of them is no UID.
    """
    pairs = zip(_KEYWORDS, uids, strict=False)
    return tuple(OneOf(BY_KEYWORD[keyword], (checked(keyword, uid),)) for keyword, uid in pairs)


def find_study(study: str) -> Study:
    """Return a study.

    Raises:
        NotFound, UnsafeUID: there is none.
    """
    return archive().study(checked("StudyInstanceUID", study))


def find_series(study: str, series: str) -> Series:
    """Return a series of that study.

    Raises:
        NotFound, UnsafeUID: there is none.
    """
    found = archive().index.series(Query(Level.SERIES, conditions(study, series)))
    if not found:
        raise NotFound(f"no series {series} in this study")
    return found[0]


def find_instance(study: str, series: str, instance: str) -> Instance:
    """Return an instance of that series of that study.

    Raises:
        NotFound, UnsafeUID: there is none.
    """
    conditions(study, series, instance)
    found = archive().instance(instance)
    if (found.study_instance_uid, found.series_instance_uid) != (study, series):
        raise NotFound(f"no instance {instance} in this series")
    return found


def find_instances(study: str, series: str | None = None) -> list[Instance]:
    """Return the instances of a study, or of a series of it: series by number, instances by number.

    Raises:
        NotFound, UnsafeUID: there is no such study or series.
    """
    if series is not None:
        found = archive().instances(find_series(study, series).series_instance_uid, study)
    else:
        checked("StudyInstanceUID", study)
        every = archive().series(study)
        found = [one for each in every for one in archive().instances(each.series_instance_uid, study)]
    if not found:
        raise NotFound(f"no instances in study {study}")
    return found
