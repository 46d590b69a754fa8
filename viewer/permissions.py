"""Who may do what: the one table."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from types import MappingProxyType
from typing import Any, TypeVar

from storage.records import Role

View = TypeVar("View", bound=Callable[..., Any])

_ATTRIBUTE = "__filmless_permission__"


class Permission(Enum):
    """One thing a view may need."""

    SIGNED_IN = "have signed in, as anyone"
    VIEW_STUDIES = "see the list and the images"
    DOWNLOAD_OBJECTS = "take objects as files"
    STORE_OBJECTS = "bring objects in"
    REJECT_OBJECTS = "take objects out of use, and bring them back"
    SAVE_EVIDENCE = "keep measurements, views and key images with a study"
    VIEW_QUARANTINE = "see what was refused, and conflicting patients"
    VIEW_METRICS = "read the figures for monitoring"
    MANAGE_PEERS = "add, change, remove and test remote nodes"
    USE_PEERS = "query remote nodes, fetch studies from them and send studies to them"


_EVERYONE = frozenset({Permission.SIGNED_IN, Permission.VIEW_STUDIES})

PERMISSIONS: MappingProxyType[Role, frozenset[Permission]] = MappingProxyType(
    {
        Role.ADMIN: frozenset(Permission),
        Role.RADIOLOGIST: _EVERYONE
        | {
            Permission.DOWNLOAD_OBJECTS,
            Permission.SAVE_EVIDENCE,
            Permission.STORE_OBJECTS,
            Permission.USE_PEERS,
            Permission.VIEW_QUARANTINE,
        },
        Role.CLINICIAN: _EVERYONE,
        Role.TECHNICIAN: _EVERYONE | {Permission.STORE_OBJECTS, Permission.USE_PEERS, Permission.VIEW_QUARANTINE},
    }
)


def may(role: Role, permission: Permission) -> bool:
    """Tell whether `role` has `permission`."""
    return permission in PERMISSIONS[role]


def needs(permission: Permission) -> Callable[[View], View]:
    """Mark a view with the permission it needs; a view without a mark is refused to everyone."""

    def mark(view: View) -> View:
        setattr(view, _ATTRIBUTE, permission)
        return view

    return mark


def needed_by(view: Callable[..., Any]) -> Permission | None:
    """Return the mark of `view`."""
    found = getattr(view, _ATTRIBUTE, None)
    return found if isinstance(found, Permission) else None
