"""From the UIDs of an address to what is stored; whatever does not fit together is simply not found."""

from __future__ import annotations

from storage.errors import NotFound
from storage.model import Instance, Series
from viewer.services import archive


def find_series(study_instance_uid: str, series_instance_uid: str) -> Series:
    """Return the series of that study; `NotFound` where there is none."""
    for series in archive().series(study_instance_uid):
        if series.series_instance_uid == series_instance_uid:
            return series
    raise NotFound(f"no series {series_instance_uid[:80]!r} in this study")


def find_instance(study_instance_uid: str, sop_instance_uid: str) -> Instance:
    """Return the instance, only through its own study; `NotFound` otherwise."""
    instance = archive().instance(sop_instance_uid)
    if instance.study_instance_uid != study_instance_uid:
        raise NotFound(f"no instance {sop_instance_uid[:80]!r} in this study")
    return instance
