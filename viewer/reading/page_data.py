"""What the reading room's page carries in itself: patient, series, presets, and the first picture's facts."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from flask import url_for

from storage.errors import PixelError
from storage.model import Instance, Series, Study
from storage.names import display as person_name
from viewer import auth, display
from viewer.browser_store import keep
from viewer.permissions import Permission
from viewer.presets import ct_presets
from viewer.reading.facts import reading_facts
from viewer.security import csrf_token
from viewer.services import archive, services

Json = dict[str, Any]
PNG_PIXELS_MAX = 1_600_000
"""Above so many pixels the first picture is a fine JPEG: a PNG of a whole radiograph takes a phone too long."""


@dataclass(frozen=True, slots=True)
class FirstPicture:
    """The picture that is on the screen before any script runs: its series, its place there, its address."""

    series: str
    position: int
    address: str
    facts: Json


def page_data(study: Study, first: FirstPicture | None, all_series: list[Json]) -> Json:
    """Return what the page's script begins with."""
    return {
        "study": study.study_instance_uid,
        "patient": {
            "name": person_name(study.patient_name),
            "id": study.patient_id,
            "birth_date": display.date(study.patient_birth_date),
            "sex": display.sex(study.patient_sex),
            "age": study.patient_age,
        },
        "exam": {
            "institution": study.institution_name,
            "description": study.study_description,
            "date": display.date(study.study_date),
            "time": display.time(study.study_time),
            "accession": study.accession_number,
        },
        "series": all_series,
        "first": asdict(first) if first else None,
        "ct_presets": ct_presets(),
        "keep": keep(),
        "may": {"download": auth.allowed(Permission.DOWNLOAD_OBJECTS)},
        "token": csrf_token(),
        "reader": auth.signed_in().name,
    }


def first_picture(study: Study, series: str | None, position: int) -> FirstPicture | None:
    """Return the picture to begin with: of the asked series, else of the first one with images that can be read."""
    every = archive().series(study.study_instance_uid)
    wanted = [one for one in every if one.series_instance_uid == series]
    for candidate in wanted or every:
        stack = services().stacks.of(candidate)
        if not stack.total:
            continue
        place = max(0, min(position if wanted or not series else 0, stack.total - 1))
        picture = _picture(candidate, place, *stack.at(place))
        if picture is not None:
            return picture
    return None


def _picture(series: Series, position: int, instance: Instance, index: int) -> FirstPicture | None:
    frames = services().frames
    try:
        prepared = frames.prepared(instance, index)
        with frames.opened(instance) as obj:
            facts = reading_facts(obj, instance, index)
    except PixelError:
        return None
    window = prepared.default_window
    facts["default_window"] = asdict(window) if window else None
    exact = int(facts["rows"]) * int(facts["columns"]) <= PNG_PIXELS_MAX
    look = {"format": "png"} if exact else {"quality": 95}
    where: Json = {"study": series.study_instance_uid, "instance": instance.sop_instance_uid, "frame": index + 1}
    return FirstPicture(series.series_instance_uid, position, url_for("image.show", **where, **look), facts)
