"""A program with a token of its own, as it meets ways that need no Flask."""

from __future__ import annotations

from pathlib import Path

from storage.records import Identity, Means, Records, Role
from viewer.services import Services

_NAME, _ROLE = "program", Role.CLINICIAN


def bearer(data: Path) -> tuple[str, str]:
    """Make the program's token; returns the header field that it signs in with."""
    with Records.open(data) as records:
        return "authorization", f"Bearer {records.tokens.add(_NAME, _ROLE)}"


def has_looked(services: Services, study_instance_uid: str) -> None:
    """Note that the program, at the address of `rsgi.scope`, has seen a study: no more is to be written of that."""
    services.looks.looked(Identity(_NAME, _ROLE, Means.TOKEN), study_instance_uid, "10.1.2.3")
