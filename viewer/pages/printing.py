"""A page of chosen images for paper or PDF: what it shows, at which scale, of whom."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log10
from typing import Any

from flask import Blueprint, render_template, request, url_for
from werkzeug.exceptions import BadRequest

from storage.errors import NotFound, PixelError
from storage.model import Instance
from viewer import auth
from viewer.evidence.model import ImageRef
from viewer.evidence.shelf import Shelf
from viewer.pages.found import find_instance
from viewer.permissions import Permission, needs
from viewer.rendering import Spacing
from viewer.rendering.colour_maps import COLOUR_MAPS
from viewer.rendering.spacing import DETECTOR, FILM
from viewer.services import archive, services

IMAGES_MAX = 60
COLUMNS_MAX = 4
# A bar is at most this part of the picture's width.
_BAR_PART = 0.3

bp = Blueprint("printing", __name__, url_prefix="/study/<study>")


@dataclass(frozen=True, slots=True)
class Bar:
    """A scale bar: its length in mm and in pixels; `is_estimated` where the scale is not that in the patient."""

    millimetres: float
    pixels: float
    is_estimated: bool


@dataclass(frozen=True, slots=True)
class Choice:
    """An image of the page, in a window (center and width) of its own, and in the colours of a map, empty for none."""

    ref: ImageRef
    window: tuple[float, float] | None = None
    colours: str = ""


@dataclass(frozen=True, slots=True)
class Scale:
    """Which colour is which value: CSS colours at even steps, the lowest and the highest value in `unit`."""

    steps: tuple[str, ...]
    lowest: float
    highest: float
    unit: str


@dataclass(frozen=True, slots=True)
class Picture:
    """One image of the page; `width` and `height` as it is drawn, with square pixels."""

    address: str
    series: str
    number: int | None
    frame: int | None
    window: str
    width: float
    height: float
    letters: tuple[str, str, str, str]
    bar: Bar | None
    scale: Scale | None = None
    problem: str = ""


@bp.get("/print")
@needs(Permission.VIEW_STUDIES)
def page(study: str) -> str:
    """Show images for print: `images` as `UID:frame[:center:width][:colours]`, joined by commas; else key images."""
    found = archive().study(study)
    wanted = [_parse(part) for part in request.args.get("images", "").split(",") if part]
    chosen = wanted or [Choice(ref) for ref in _key_images(study)]
    if len(chosen) > IMAGES_MAX:
        raise BadRequest(f"at most {IMAGES_MAX} images go on a page")
    columns = max(1, min(request.args.get("columns", _columns(len(chosen)), type=int), COLUMNS_MAX))
    services().looks.opened(auth.signed_in(), study, auth.address(), "print")
    pictures = [_picture(study, choice) for choice in chosen]
    return render_template("print.html", study=found, pictures=pictures, columns=columns)


def _parse(part: str) -> Choice:
    pieces = part.split(":")
    colours = pieces.pop() if pieces[-1] in COLOUR_MAPS else ""
    try:
        frame = int(pieces[1]) if len(pieces) > 1 else 1
        window = (float(pieces[2]), float(pieces[3])) if len(pieces) > 2 else None
    except (ValueError, IndexError):
        raise BadRequest("images are UID:frame[:center:width][:colours], joined by commas") from None
    return Choice(ImageRef(pieces[0], frame), window, colours)


def _key_images(study: str) -> list[ImageRef]:
    """All readers' key images, each once."""
    documents = Shelf(archive(), services().frames, study).key_images()
    refs = [ImageRef(**image) for document in documents for image in document.content["images"]]
    return list(dict.fromkeys(refs))[:IMAGES_MAX]


def _columns(count: int) -> int:
    return 1 if count <= 1 else 2 if count <= 6 else 3


def _picture(study: str, choice: Choice) -> Picture:
    ref, window = choice.ref, choice.window
    instance = find_instance(study, ref.instance)
    view: dict[str, object] = {"study": study, "instance": ref.instance, "frame": ref.frame, "format": "png"}
    if window is not None:
        view |= {"center": f"{window[0]:.6g}", "width": f"{window[1]:.6g}"}
    if choice.colours:
        view["colours"] = choice.colours
    address = url_for("image.show", **view)  # type: ignore[arg-type]
    frame = ref.frame if (instance.number_of_frames or 1) > 1 else None
    series = _series_title(instance)
    try:
        facts = services().frames.facts(instance, ref.frame - 1)
    except (PixelError, NotFound) as error:
        return Picture("", series, instance.instance_number, frame, "", 1, 1, ("", "", "", ""), None, None, str(error))
    width, height = float(facts["columns"]), float(facts["rows"]) * facts["aspect"]
    letters = facts["letters"]
    return Picture(
        address=address,
        series=series,
        number=instance.instance_number,
        frame=frame,
        window=_window(window, facts["default_window"], bool(facts["is_colour"])),
        width=width,
        height=height,
        letters=(letters["left"], letters["right"], letters["top"], letters["bottom"]),
        bar=scale_bar(Spacing(**facts["spacing"]), width),
        scale=_scale(choice, facts),
    )


def _scale(choice: Choice, facts: dict[str, Any]) -> Scale | None:
    """The bar of a picture in colours; None for grey, for what has colours of its own, and where no window is known."""
    default = facts["default_window"]
    if not choice.colours or facts["is_colour"] or (choice.window is None and default is None):
        return None
    center, width = choice.window or (default["center"], default["width"])
    steps = tuple(f"rgb({red:g} {green:g} {blue:g})" for red, green, blue in COLOUR_MAPS[choice.colours])
    return Scale(steps, center - width / 2, center + width / 2, facts["rescale"]["unit"])


def _series_title(instance: Instance) -> str:
    for series in archive().series(instance.study_instance_uid):
        if series.series_instance_uid == instance.series_instance_uid:
            return series.series_description or series.protocol_name or series.modality
    return ""


def _window(chosen: tuple[float, float] | None, default: dict[str, float] | None, is_colour: bool) -> str:
    if is_colour or (chosen is None and default is None):
        return ""
    center, width = chosen or (default["center"], default["width"]) if default else chosen or (0.0, 0.0)
    return f"W {width:.0f} L {center:.0f}"


def scale_bar(spacing: Spacing, width: float) -> Bar | None:
    """Return a bar of 1, 2 or 5 times a power of ten mm for a picture `width` pixels wide; None without a scale."""
    if not spacing.column_mm:
        return None
    most = width * spacing.column_mm * _BAR_PART
    ten = 10.0 ** floor(log10(most))
    length = next(step * ten for step in (5, 2, 1) if step * ten <= most)
    return Bar(length, length / spacing.column_mm, spacing.status in (DETECTOR, FILM))
