"""How an archive is to behave."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path

GIB = 1 << 30


class Durability(Enum):
    """When an object counts as kept."""

    FULL = "full"
    """Synced to stable storage, file and directory entry, before it is acknowledged."""
    RELAXED = "relaxed"
    """Written but not synced: a power cut may lose the last seconds. For copies, never for originals."""


@dataclass(frozen=True, slots=True)
class ArchiveSettings:
    """The settings of one archive, the same for every process that opens it."""

    data: Path
    durability: Durability = Durability.FULL
    minimum_free_bytes: int = GIB
    """Below so much free space new objects are refused, so that what is stored stays usable."""
    maximum_object_bytes: int = 64 * GIB
