"""Palettes and colour spaces (PS3.3 C.7.6.3.1.2, C.7.6.3.1.5, C.7.9)."""

import numpy as np
import pytest
from pydicom.pixels import convert_color_space

from storage.errors import PixelError
from viewer.rendering import View, Window, prepare, probe
from viewer.rendering.colour import to_rgb
from viewer.rendering.palette import expand_segments
from viewer.rendering.render import pixels


def shown(obj, view=View()):  # noqa: B008 - frozen
    return pixels(prepare(obj, 0), view)


def palette(first, red, green, blue, bits=16, packed=False):
    attributes = {}
    for name, entries in (("Red", red), ("Green", green), ("Blue", blue)):
        attributes[f"{name}PaletteColorLookupTableDescriptor"] = [len(entries) & 0xFFFF, first, bits]
        data = np.array(entries, np.uint8 if packed else "<u2").tobytes()
        attributes[f"{name}PaletteColorLookupTableData"] = data + b"\0" * (len(data) % 2)
    return attributes | {"PhotometricInterpretation": "PALETTE COLOR"}


class TestPalette:
    def test_16_bit_entries_and_values_outside_the_table(self, opened):
        colours = palette(10, [0x0100, 0xFF00], [0x8000, 0], [0, 0xFFFF])
        got = shown(opened(np.array([[0, 10, 11, 12, 255]], np.uint8), **colours))
        first, last = [1, 128, 0], [255, 0, 255]
        np.testing.assert_array_equal(got, [[first, first, last, last, last]])

    @pytest.mark.parametrize("packed", [True, False])
    def test_8_bit_entries_in_bytes_or_words(self, opened, packed):
        colours = palette(0, [1, 2, 3], [4, 5, 6], [7, 8, 9], bits=8, packed=packed)
        got = shown(opened(np.array([[0, 1, 2]], np.uint8), **colours))
        np.testing.assert_array_equal(got, [[[1, 4, 7], [2, 5, 8], [3, 6, 9]]])

    def test_8_bit_colours_announced_as_16(self, opened):
        got = shown(opened(np.array([[0, 1]], np.uint8), **palette(0, [1, 200], [4, 5], [7, 8])))
        np.testing.assert_array_equal(got[0, 1], [200, 5, 8])

    def test_65536_entries_are_written_as_0(self, opened):
        ramp = np.arange(65536)
        got = shown(opened(np.array([[0, 65535, 0x1234]], np.uint16), **palette(0, ramp, ramp, ramp)))
        np.testing.assert_array_equal(got[0, :, 0], [0, 255, 0x12])

    def test_a_missing_table_is_refused(self, opened):
        colours = palette(0, [1], [2], [3]) | {"BluePaletteColorLookupTableData": None}
        with pytest.raises(PixelError, match="BluePaletteColorLookupTableData has 0 entries"):
            prepare(opened(np.zeros((2, 2), np.uint8), **colours), 0)

    def test_segments_of_all_kinds(self):
        """Two entries as they are, a line of four, and both again by reference to byte offset 0 (C.7.9.2)."""
        data = [0, 2, 10, 20, 1, 4, 60, 2, 2, 0, 0]
        np.testing.assert_array_equal(expand_segments(data, 12), [10, 20, 30, 40, 50, 60, 10, 20, 30, 40, 50, 60])

    @pytest.mark.parametrize("data", [[1, 4, 60], [2, 1, 0, 0], [9, 1, 1], [0, 2, 1], [0, 1, 1, 2, 1, 900, 0]])
    def test_segments_that_cannot_be(self, data):
        with pytest.raises(PixelError, match="segment"):
            expand_segments(data, 4)

    def test_segmented_palette_in_an_image(self, opened):
        colours = palette(0, [0] * 4, [0] * 4, [0] * 4)
        for name in ("Red", "Green", "Blue"):
            del colours[f"{name}PaletteColorLookupTableData"]
            segments = np.array([0, 1, 0, 1, 3, 0xFF00], "<u2").tobytes()
            colours[f"Segmented{name}PaletteColorLookupTableData"] = segments
        got = shown(opened(np.array([[0, 1, 2, 3]], np.uint8), **colours))
        np.testing.assert_array_equal(got[0, :, 0], [0, 85, 170, 255])

    def test_supplemental_colours_only_where_they_are_defined(self, opened):
        attributes = palette(100, [0xFF00, 0], [0, 0xFF00], [0, 0])
        attributes |= {"PhotometricInterpretation": "MONOCHROME2", "PixelPresentation": "COLOR"}
        obj = opened(np.array([[0, 50, 100, 101]], np.uint16), **attributes)
        got = shown(obj, View(window=Window(50.5, 101)))
        np.testing.assert_array_equal(got, [[[0, 0, 0], [128, 128, 128], [255, 0, 0], [0, 255, 0]]])


class TestColourSpaces:
    all_values = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)

    def test_ybr_full_against_pydicom(self):
        expected = convert_color_space(self.all_values, "YBR_FULL", "RGB")
        got = to_rgb(self.all_values, "YBR_FULL", 8)
        # pydicom rounds its coefficients to six digits, which moves exact halves
        assert np.abs(got.astype(int) - expected).max() <= 1

    @pytest.mark.parametrize(
        ("ybr", "rgb"),
        [((0, 128, 128), (0, 0, 0)), ((255, 128, 128), (255, 255, 255)), ((76, 85, 255), (254, 0, 0))],
    )
    def test_ybr_full(self, ybr, rgb):
        np.testing.assert_allclose(to_rgb(np.array([[ybr]], np.uint8), "YBR_FULL", 8)[0, 0], rgb, atol=1)

    @pytest.mark.parametrize(
        ("ybr", "rgb"),
        [((16, 128, 128), (0, 0, 0)), ((235, 128, 128), (255, 255, 255)), ((81, 90, 240), (254, 0, 0))],
    )
    def test_ybr_partial(self, ybr, rgb):
        np.testing.assert_allclose(to_rgb(np.array([[ybr]], np.uint8), "YBR_PARTIAL_420", 8)[0, 0], rgb, atol=1)

    @pytest.mark.parametrize("name", ["RGB", "YBR_ICT", "YBR_RCT"])
    def test_what_codecs_have_turned_into_rgb(self, name):
        assert to_rgb(self.all_values, name, 8) is self.all_values

    @pytest.mark.parametrize(
        ("dtype", "bits", "value"), [(np.uint16, 16, 0x8001), (np.uint16, 12, 0x801), (np.uint32, 32, 1 << 31)]
    )
    def test_deeper_samples_keep_their_high_bits(self, dtype, bits, value):
        assert to_rgb(np.full((1, 1, 3), value, dtype), "RGB", bits)[0, 0, 0] == 128

    def test_shallower_samples_are_spread(self):
        np.testing.assert_array_equal(to_rgb(np.array([[[0, 7, 15]]], np.uint8), "RGB", 4), [[[0, 119, 255]]])

    @pytest.mark.parametrize("name", ["HSV", "CMYK", "ARGB"])
    def test_others_are_refused(self, opened, name):
        with pytest.raises(PixelError, match=f"photometric interpretation {name} cannot be shown"):
            prepare(opened(np.zeros((2, 2, 3), np.uint8), PhotometricInterpretation=name), 0)


def test_colour_is_shown_as_it_is_whatever_window_it_carries(opened):
    values = np.array([[[1, 2, 3], [250, 100, 0]]], np.uint8)
    obj = opened(values, WindowCenter=500, WindowWidth=10)
    np.testing.assert_array_equal(shown(obj), values)
    np.testing.assert_array_equal(shown(obj, View(invert=True)), 255 - values)


def test_a_window_that_is_asked_for_changes_brightness(opened):
    values = np.array([[[0, 64, 200]]], np.uint8)
    np.testing.assert_array_equal(shown(opened(values), View(window=Window(64.5, 128))), [[[0, 128, 255]]])


def test_probe_of_colour(opened):
    pixel = probe(prepare(opened(np.array([[[1, 2, 3]]], np.uint8)), 0), 0, 0)
    assert (pixel.stored, pixel.value) == ((1, 2, 3), None)


def test_overlay_leaves_the_prepared_picture_alone(opened, made):
    ds = made(np.zeros((2, 4, 3), np.uint8))
    for element, vr, value in [(0x10, "US", 1), (0x11, "US", 1), (0x50, "SS", [1, 1]), (0x3000, "OW", b"\1\0")]:
        ds.add_new((0x6000, element), vr, value)
    prepared = prepare(opened(ds), 0)
    assert pixels(prepared, View()).any()
    assert not prepared.rgb.any()
