"""What the reading room needs to know about a frame, beyond `rendering.facts`: identity, geometry, texts, padding."""

from __future__ import annotations

import base64
from dataclasses import asdict
from typing import Any

from pydicom.dataset import Dataset

from storage.model import Instance
from storage.pixels import PixelObject
from viewer.reading.pixels import transport
from viewer.reading.suv import suv_body_weight_factor
from viewer.rendering import facts
from viewer.rendering.attributes import macro, number, text
from viewer.rendering.lut import LookupTable
from viewer.rendering.modality import read_modality
from viewer.rendering.overlay import has_overlay
from viewer.rendering.prepare import padding_range
from viewer.rendering.real_world import read_real_world
from viewer.rendering.shutter import read_shutter
from viewer.rendering.voi import read_voi

Json = dict[str, Any]

_FIGURES = {
    "kvp": "KVP",
    "tube_current": "XRayTubeCurrent",
    "exposure": "Exposure",
    "repetition_time": "RepetitionTime",
    "echo_time": "EchoTime",
    "temporal_position": "TemporalPositionIdentifier",
    "trigger_time": "TriggerTime",
    "b_value": "DiffusionBValue",
    "flip_angle": "FlipAngle",
    "magnetic_field_strength": "MagneticFieldStrength",
    "reconstruction_diameter": "ReconstructionDiameter",
    "body_part_thickness": "BodyPartThickness",
    "compression_force": "CompressionForce",
}

_ANGLES = {"primary_angle": "PositionerPrimaryAngle", "secondary_angle": "PositionerSecondaryAngle"}
"""Of an arm that stands still: where it moves, they are those of one frame only (PS3.3 C.8.7.5)."""
"""Numbers for the corners of the picture, by modality."""

_OF_PHASES = {
    "temporal_position": ("FrameContentSequence", "TemporalPositionIndex"),
    "trigger_time": ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"),
    "b_value": ("MRDiffusionSequence", "DiffusionBValue"),
    "echo_time": ("MREchoSequence", "EffectiveEchoTime"),
}
"""The same in objects with functional groups: the macro and what tells phases of one place apart there."""

_WORDS = {
    "series_description": "SeriesDescription",
    "image_laterality": "ImageLaterality",
    "view_position": "ViewPosition",
    "kernel": "ConvolutionKernel",
    "contrast": "ContrastBolusAgent",
    "manufacturer": "Manufacturer",
    "model": "ManufacturerModelName",
    "station": "StationName",
    "operator": "OperatorsName",
    "acquisition_time": "AcquisitionTime",
    "content_time": "ContentTime",
}


def reading_facts(obj: PixelObject, instance: Instance, index: int) -> Json:
    """Facts of frame `index` (from 0), plain types only; raises as `rendering.facts`."""
    ds, description = obj.ds, obj.description
    little = ds.original_encoding[1] is not False
    modality = read_modality(ds, index, description.is_signed, little)
    real_world = read_real_world(ds, index, modality)
    found: Json = dict(facts(obj, index))
    found.update(
        sop=instance.sop_instance_uid,
        sop_class=instance.sop_class_uid,
        frame_of_reference=text(ds, "FrameOfReferenceUID"),
        acquisition=text(ds, "AcquisitionNumber"),
        transport=transport(obj, modality),
        real_world=asdict(real_world) if real_world else None,
        padding=padding_range(ds, description),
        overlay=has_overlay(ds),
        shutter=read_shutter(ds, index),
        voi_tables=_tables(obj, index),
        suv_factor=suv_body_weight_factor(ds),
        spacing_between_slices=number(macro(ds, index, "PixelMeasuresSequence"), "SpacingBetweenSlices"),
        technique=_technique(ds, index),
        words={name: words for name, keyword in _WORDS.items() if (words := text(ds, keyword))},
    )
    return found


def _technique(ds: Dataset, index: int) -> dict[str, float]:
    figures = _FIGURES if text(ds, "PositionerMotion") == "DYNAMIC" else {**_FIGURES, **_ANGLES}
    plain = {name: number(ds, keyword) for name, keyword in figures.items()}
    grouped = {name: number(macro(ds, index, group), keyword) for name, (group, keyword) in _OF_PHASES.items()}
    found = [*plain.items(), *grouped.items()]
    return {name: value for name, value in found if value is not None}


def _tables(obj: PixelObject, index: int) -> list[Json]:
    """VOI LUT tables in the order in which the server offers them: first value mapped, bits, entries as uint16."""
    little = obj.ds.original_encoding[1] is not False
    signed = obj.description.is_signed
    vois = read_voi(obj.ds, index, signed, little, obj.description.is_float)
    return [_table(voi) for voi in vois if isinstance(voi, LookupTable)]


def _table(table: LookupTable) -> Json:
    entries = base64.b64encode(table.entries.astype("<u2").tobytes()).decode()
    return {"first": table.first, "bits": table.bits, "entries": entries, "explanation": table.explanation}
