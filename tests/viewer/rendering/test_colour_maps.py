"""Colour maps for grey pictures, and what real-world value mappings say of them (PS3.3 C.7.6.16.2.11)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from pydicom.dataset import Dataset

from storage.pixels import PixelObject
from viewer.rendering import View, Window, prepare
from viewer.rendering.colour_maps import COLOUR_MAPS, colour_table
from viewer.rendering.modality import Modality
from viewer.rendering.real_world import read_real_world
from viewer.rendering.render import pixels

Opened = Callable[..., PixelObject]
WIDE = Window(128, 256)
VALUES = np.array([[0, 100, 255]], np.uint8)


@pytest.mark.parametrize("name", COLOUR_MAPS)
def test_a_grey_picture_takes_the_colours_of_its_display_values(opened: Opened, name: str) -> None:
    grey = pixels(prepare(opened(VALUES), 0), View(window=WIDE))
    shown = pixels(prepare(opened(VALUES), 0), View(window=WIDE, colours=name))
    np.testing.assert_array_equal(shown, colour_table(name)[grey])
    inverted = pixels(prepare(opened(VALUES), 0), View(window=WIDE, colours=name, invert=True))
    np.testing.assert_array_equal(inverted, colour_table(name)[255 - grey])


def test_tables_begin_and_end_with_their_own_colours() -> None:
    np.testing.assert_array_equal(colour_table("grey"), np.repeat(np.arange(256)[:, None], 3, axis=1))
    assert colour_table("hot")[[0, 85, 170, 255]].tolist() == [[0, 0, 0], [255, 0, 0], [255, 255, 0], [255, 255, 255]]
    assert colour_table("rainbow")[[0, 1, 255]].tolist() == [[0, 0, 0], [0, 0, 132], [128, 0, 0]]


def test_padding_stays_black_and_colour_stays_as_it_is(opened: Opened) -> None:
    padded = prepare(opened(VALUES, PixelPaddingValue=0), 0)
    assert pixels(padded, View(window=WIDE, colours="rainbow"))[0, 0].tolist() == [0, 0, 0]
    rgb = np.array([[[1, 2, 3]]], np.uint8)
    np.testing.assert_array_equal(pixels(prepare(opened(rgb), 0), View(colours="rainbow")), rgb)


def test_floats_are_coloured_too(opened: Opened) -> None:
    values = np.array([[0.0, 0.5, 1.0]], np.float32)
    shown = pixels(prepare(opened(values), 0), View(colours="hot"))
    assert shown[0, 0].tolist() == [0, 0, 0]
    assert shown[0, 2].tolist() == [255, 255, 255]


def test_an_unknown_map_is_refused() -> None:
    with pytest.raises(ValueError, match="colours is 'sepia'; grey, hot,"):
        View(colours="sepia")


def mapping(slope: float | None, intercept: float = 0.0, unit: str = "um2/s", meaning: str = "") -> Dataset:
    item, units = Dataset(), Dataset()
    units.CodeValue, units.CodingSchemeDesignator, units.CodeMeaning = unit, "UCUM", unit
    item.MeasurementUnitsCodeSequence, item.LUTLabel = [units], "ADC"
    if slope is not None:
        item.RealWorldValueSlope, item.RealWorldValueIntercept = slope, intercept
    if meaning:
        definition, concept = Dataset(), Dataset()
        concept.CodeValue, concept.CodingSchemeDesignator, concept.CodeMeaning = "113041", "DCM", meaning
        definition.ConceptCodeSequence = [concept]
        item.QuantityDefinitionSequence = [definition]
    return item


def told(ds: Dataset, index: int = 0, modality: Modality | None = None) -> tuple[float, float, str, str] | None:
    found = read_real_world(ds, index, modality or Modality())
    return (found.slope, found.intercept, found.unit, found.name) if found else None


def test_real_world_values_of_a_plain_object() -> None:
    ds = Dataset()
    assert told(ds) is None
    ds.RealWorldValueMappingSequence = [mapping(2.0, 5.0, meaning="Apparent Diffusion Coefficient")]
    assert told(ds) == (2, 5, "um2/s", "Apparent Diffusion Coefficient")


def test_real_world_values_are_told_of_modality_values() -> None:
    """The mapping is of stored values: 100 is stored, 40 the modality value, 205 the real one."""
    ds = Dataset()
    ds.RealWorldValueMappingSequence = [mapping(2.0, 5.0)]
    found = read_real_world(ds, 0, Modality(slope=0.5, intercept=-10))
    assert found is not None
    assert 40 * found.slope + found.intercept == pytest.approx(100 * 2 + 5)


def test_each_frame_has_its_own_mapping() -> None:
    ds, shared = Dataset(), Dataset()
    frames = [Dataset(), Dataset()]
    frames[1].RealWorldValueMappingSequence = [mapping(3.0, unit="1")]
    shared.RealWorldValueMappingSequence = [mapping(7.0)]
    ds.PerFrameFunctionalGroupsSequence, ds.SharedFunctionalGroupsSequence = frames, [shared]
    assert [told(ds, index) for index in (0, 1)] == [(7, 0, "um2/s", "ADC"), (3, 0, "", "ADC")]


def test_a_table_in_place_of_a_line_is_not_told() -> None:
    ds = Dataset()
    ds.RealWorldValueMappingSequence = [mapping(None), mapping(4.0)]
    assert told(ds) == (4, 0, "um2/s", "ADC")
    ds.RealWorldValueMappingSequence = [mapping(None)]
    assert told(ds) is None
