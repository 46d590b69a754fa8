"""Waveforms as a drawing: an ECG on its millimetre paper, 25 mm/s and 10 mm/mV (PS3.3 C.10.9).

One row for each channel. Voltages have the paper's scale; other quantities (pressure, respiration) fill their row, as
their unit has no customary scale. The drawing is SVG without scripts, in mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from storage.errors import PixelError
from storage.model import Instance
from viewer.evidence.document import load
from viewer.rendering.attributes import integer, items, number, text

MM_PER_SECOND, MM_PER_MILLIVOLT = 25.0, 10.0
ROW_MM, LEFT_MM, TOP_MM = 24.0, 14.0, 8.0
CHANNELS_MAX, SECONDS_MAX = 64, 120.0
# Finer than a tenth of a millimetre nothing is seen: a column keeps its lowest and its highest value.
_COLUMN_MM = 0.1
_MILLIVOLTS = {"V": 1000.0, "mV": 1.0, "uV": 0.001, "nV": 1e-6}


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel: its label, `values` in `unit`, `rate` in samples a second."""

    label: str
    unit: str
    values: NDArray[np.float64]
    rate: float


def read_channels(instance: Instance) -> list[Channel]:
    """Return the channels of an object's first multiplex group; `PixelError` where there are none that can be read."""
    ds = load(instance)
    groups = items(ds, "WaveformSequence")
    if not groups:
        raise PixelError("there is no waveform in this object")
    rate = number(groups[0], "SamplingFrequency")
    if not rate or rate <= 0:
        raise PixelError("the waveform says no sampling frequency")
    try:
        values = np.asarray(ds.waveform_array(0), np.float64)
    except (ValueError, NotImplementedError, AttributeError, TypeError, KeyError) as error:
        raise PixelError(f"the waveform cannot be read: {error}") from error
    definitions = items(groups[0], "ChannelDefinitionSequence")
    kept = int(SECONDS_MAX * rate)
    return [
        Channel(*_named(definition), values[:kept, column], rate)
        for column, definition in enumerate(definitions[: min(CHANNELS_MAX, values.shape[1])])
    ]


def _named(definition: Dataset) -> tuple[str, str]:
    source = items(definition, "ChannelSourceSequence")
    unit = items(definition, "ChannelSensitivityUnitsSequence")
    label = text(definition, "ChannelLabel") or (text(source[0], "CodeMeaning") if source else "")
    label = label.removeprefix("Lead ").removesuffix(" (Einthoven)")
    return label or f"{integer(definition, 'WaveformChannelNumber') or ''}", text(unit[0], "CodeValue") if unit else ""


def drawing(channels: list[Channel]) -> str:
    """Return the channels as an SVG document."""
    seconds = max((len(channel.values) / channel.rate for channel in channels), default=0.0)
    width, height = LEFT_MM + seconds * MM_PER_SECOND + 4, TOP_MM + ROW_MM * len(channels) + 4
    rows = "".join(_row(channel, TOP_MM + ROW_MM * (i + 0.5)) for i, channel in enumerate(channels))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.1f}mm" height="{height:.1f}mm"'
        f' viewBox="0 0 {width:.1f} {height:.1f}" font-family="sans-serif">'
        f'<rect width="100%" height="100%" fill="#fff8f6"/>{_grid(width, height)}{rows}</svg>'
    )


def _grid(width: float, height: float) -> str:
    fine = "".join(f"M{x} 0V{height:.1f}" for x in range(int(width) + 1) if x % 5)
    fine += "".join(f"M0 {y}H{width:.1f}" for y in range(int(height) + 1) if y % 5)
    bold = "".join(f"M{x} 0V{height:.1f}" for x in range(0, int(width) + 1, 5))
    bold += "".join(f"M0 {y}H{width:.1f}" for y in range(0, int(height) + 1, 5))
    return (
        f'<path d="{fine}" stroke="#f6d9d3" stroke-width=".1" fill="none"/>'
        f'<path d="{bold}" stroke="#eab5aa" stroke-width=".15" fill="none"/>'
    )


def _row(channel: Channel, middle: float) -> str:
    unit = channel.unit if channel.unit not in _MILLIVOLTS else ""
    label = escape(f"{channel.label} {unit}".strip())
    return (
        f'<text x="2" y="{middle - 6:.1f}" font-size="3.4" fill="#222">{label}</text>'
        f'<path d="{_path(channel, middle)}" stroke="#111" stroke-width=".25" fill="none" stroke-linejoin="round"/>'
    )


def _path(channel: Channel, middle: float) -> str:
    values = channel.values
    if not values.size:
        return ""
    per_column = max(1, int(channel.rate * _COLUMN_MM / MM_PER_SECOND))
    if per_column > 1:
        whole = values[: len(values) // per_column * per_column].reshape(-1, per_column)
        heights = np.column_stack((whole.min(axis=1), whole.max(axis=1))).ravel()
        step = per_column / channel.rate * MM_PER_SECOND / 2
    else:
        heights, step = values, MM_PER_SECOND / channel.rate
    y = middle - _millimetres(channel, heights)
    return "M" + "L".join(f"{LEFT_MM + i * step:.2f} {value:.2f}" for i, value in enumerate(y))


def _millimetres(channel: Channel, values: NDArray[np.float64]) -> NDArray[np.float64]:
    factor = _MILLIVOLTS.get(channel.unit)
    if factor is not None:
        return values * factor * MM_PER_MILLIVOLT
    low, high = float(channel.values.min()), float(channel.values.max())
    return (values - (low + high) / 2) / ((high - low) or 1.0) * ROW_MM * 0.8
