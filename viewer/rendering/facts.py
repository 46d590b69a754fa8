"""What a page needs to know about a frame besides its picture, ready for JSON; and the value under the pointer."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from pydicom.dataset import Dataset

from storage.errors import PixelError
from storage.pixels import PixelObject
from viewer.rendering.attributes import integer, macro, number, numbers, text
from viewer.rendering.geometry import read_cosines, read_letters, read_position
from viewer.rendering.modality import read_modality
from viewer.rendering.prepare import Prepared, is_inverse
from viewer.rendering.spacing import read_aspect, read_regions, read_spacing
from viewer.rendering.view import Window
from viewer.rendering.voi import read_windows

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Probe:
    """The pixel at a position: stored value (three of them for colour), modality value and its unit.

    `value` is None for colour, and for padding, where there is nothing to measure.
    """

    stored: float | tuple[float, ...]
    value: float | None
    unit: str
    is_padding: bool = False


def probe(prepared: Prepared, row: int, column: int) -> Probe:
    """Value at (`row`, `column`) of the stored picture, from 0; `PixelError` outside it."""
    rows, columns = prepared.stored.shape[:2]
    if not (0 <= row < rows and 0 <= column < columns):
        raise PixelError(f"row {row}, column {column} is outside the picture of {rows} x {columns}")
    cell = prepared.stored[row, column]
    if prepared.grey is None:
        stored = tuple(cell.tolist()) if cell.ndim else cell.item()
        return Probe(stored, None, "")
    grey = prepared.grey
    place = (row, column) if grey.codes is None else int(grey.codes[row, column])
    if grey.padding is not None and grey.padding[place]:
        return Probe(cell.item(), None, prepared.modality.unit, is_padding=True)
    return Probe(cell.item(), float(grey.values[place]), prepared.modality.unit)


def facts(obj: PixelObject, index: int, prepared: Prepared | None = None) -> Json:
    """Facts of frame `index` (from 0), plain types only; lengths in mm, times in ms, None or [] where unknown.

    With `prepared`, `default_window` says what a view without a window uses, also where the object names none. Raises
    `PixelError` for objects without pixels and `NotFound` for a frame that is not there.
    """
    ds, description = obj.ds, obj.description
    obj.frame_index.spans(index)
    little = ds.original_encoding[1] is not False
    modality = read_modality(ds, index, description.is_signed, little)
    windows = read_windows(macro(ds, index, "FrameVOILUTSequence"), description.is_float)
    default = prepared.default_window if prepared else windows[0] if windows else None
    return {
        "rows": description.rows,
        "columns": description.columns,
        "number_of_frames": description.number_of_frames,
        "frame_number": index + 1,
        "modality": text(ds, "Modality"),
        "photometric_interpretation": description.photometric_interpretation,
        "is_colour": _is_colour(obj),
        "is_inverse": not _is_colour(obj) and is_inverse(ds, description),
        "bits_stored": description.bits_stored,
        "windows": [asdict(window) for window in windows],
        "default_window": asdict(default) if isinstance(default, Window) else None,
        "rescale": {"slope": modality.slope, "intercept": modality.intercept, "unit": modality.unit},
        "spacing": asdict(read_spacing(ds, index)),
        "regions": [asdict(region) for region in read_regions(ds)],
        "aspect": read_aspect(ds, index),
        "orientation": list(read_cosines(ds, index)),
        "position": list(read_position(ds, index)),
        "letters": asdict(read_letters(ds, index)),
        "slice_thickness": number(macro(ds, index, "PixelMeasuresSequence"), "SliceThickness"),
        "slice_location": number(ds, "SliceLocation"),
        "instance_number": integer(ds, "InstanceNumber"),
        "cine": _cine(ds),
        "lossy": text(ds, "LossyImageCompression") == "01",
    }


def _is_colour(obj: PixelObject) -> bool:
    description = obj.description
    return description.samples_per_pixel > 1 or description.photometric_interpretation == "PALETTE COLOR"


def _cine(ds: Dataset) -> Json:
    """Playback of a multi-frame object (PS3.3 C.7.6.5): the rate to show, and each frame's time where they differ."""
    time, vector = number(ds, "FrameTime"), numbers(ds, "FrameTimeVector")
    stated = number(ds, "RecommendedDisplayFrameRate") or number(ds, "CineRate")
    mean = sum(vector[1:]) / (len(vector) - 1) if len(vector) > 1 else 0.0
    interval = time or mean
    rate = stated or (1000 / interval if interval > 0 else None)
    return {
        "frame_time": time,
        "frame_time_vector": list(vector),
        "frames_per_second": rate if rate and rate > 0 else None,
    }
