"""From the UIDs of an address that names no series to what is stored; `dicomweb.resources` has those that do."""

from __future__ import annotations

from storage.errors import NotFound
from storage.model import Instance
from viewer.services import archive


def find_instance(study_instance_uid: str, sop_instance_uid: str) -> Instance:
    """Return the instance, only through its own study; `NotFound` otherwise."""
    instance = archive().instance(sop_instance_uid)
    if instance.study_instance_uid != study_instance_uid:
        raise NotFound(f"no instance {sop_instance_uid[:80]!r} in this study")
    return instance
