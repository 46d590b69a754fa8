"""Objects to send by the thousand: one template, its UIDs and content changed in place."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache

from tests.support.objects import ct, encode

# Placeholders of a fixed length, so that encoding once is enough.
_STUDY, _SERIES, _INSTANCE = ("1.2.826.0.1.3680043.10.999.7." + digit * 20 for digit in "123")
_SIDES = (8, 64, 256)


@dataclass(frozen=True, slots=True)
class Sample:
    """One object: its UID, and the data set as it travels."""

    uid: str
    data: bytes


@cache
def _template(side: int) -> bytes:
    ds = ct(StudyInstanceUID=_STUDY, SeriesInstanceUID=_SERIES, SOPInstanceUID=_INSTANCE)
    ds.Rows = ds.Columns = side
    ds.PixelData = bytes(side * side * 2)
    return encode(ds)


def sample(chance: random.Random, number: int) -> Sample:
    """Make object `number` of a campaign; the same number always has the same UIDs."""
    study, series = number // 40, number // 20
    uid = _INSTANCE[:-20] + f"3{number:019d}"
    data = (
        _template(chance.choice(_SIDES))
        .replace(_STUDY.encode(), (_STUDY[:-20] + f"1{study:019d}").encode())
        .replace(_SERIES.encode(), (_SERIES[:-20] + f"2{series:019d}").encode())
        .replace(_INSTANCE.encode(), uid.encode())
    )
    pixels = chance.randbytes(64)
    return Sample(uid, data[: -len(pixels)] + pixels)
