"""Many similar records as one shared part and what each has of its own: facts of a series shrink to a tenth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_MISSING = object()


def compact(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return `shared` (members alike in all records) and `each` (the others, record by record).

    `{**shared, **each[i]}` is record i again.
    """
    shared = {
        name: value
        for name, value in (records[0].items() if records else ())
        if all(record.get(name, _MISSING) == value for record in records)
    }
    each = [{name: value for name, value in record.items() if name not in shared} for record in records]
    return {"shared": shared, "each": each}


def expanded(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the records that `compact` was given."""
    return [{**told["shared"], **own} for own in told["each"]]
