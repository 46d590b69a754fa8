"""Name-based UIDs: the same name always gives the same UID (PS3.5 B.2, UUID-derived under 2.25)."""

from __future__ import annotations

from uuid import UUID, uuid5

from pydicom.uid import UID

NAMESPACE = UUID("5f3c1c0e-7b0a-5d1e-9a55-0c6b1d3f2e41")


def uid(*names: str | int) -> UID:
    """The UID of the thing that `names` lead to, as in ``uid("ct-chest", "series", 1)``."""
    return UID(f"2.25.{uuid5(NAMESPACE, '/'.join(map(str, names))).int}")


IMPLEMENTATION = uid("implementation")
"""Implementation Class UID of the writer (PS3.7 D.3.3.2)."""
