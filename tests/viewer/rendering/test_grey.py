"""Modality transformation, padding, polarity, overlays (PS3.3 C.11.1, C.7.5.1.1.2, C.7.6.3.1.2, C.9)."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from storage.errors import PixelError
from viewer.rendering import View, Window, prepare, probe
from viewer.rendering.render import pixels

WIDE = View(window=Window(128, 256))


def shown(obj, view=WIDE, index=0):
    return pixels(prepare(obj, index), view)


def table(keyword, first, entries, bits, vr="US"):
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(entries), first, bits])
    item.add_new("LUTData", vr, entries if vr == "US" else np.array(entries, "<u2").tobytes())
    return {keyword: Sequence([item])}


class TestModality:
    def test_rescale_makes_the_values_that_the_window_is_for(self, opened):
        stored = np.array([[0, 1024, 2048]], np.uint16)
        obj = opened(stored, RescaleSlope=1, RescaleIntercept=-1024, RescaleType="HU")
        np.testing.assert_array_equal(shown(obj, View(window=Window(0, 2))), [[0, 255, 255]])
        pixel = probe(prepare(obj, 0), 0, 2)
        assert (pixel.stored, pixel.value, pixel.unit) == (2048, 1024, "HU")

    def test_ct_without_rescale_type_is_in_hounsfield(self, opened):
        obj = opened(np.array([[0, 1]], np.int16), Modality="CT", RescaleSlope=1, RescaleIntercept=-1024)
        assert prepare(obj, 0).modality.unit == "HU"

    def test_pet_is_in_its_units(self, opened):
        obj = opened(np.array([[0, 1]], np.int16), Modality="PT", Units="BQML", RescaleSlope=2.5, RescaleIntercept=0)
        prepared = prepare(obj, 0)
        assert (probe(prepared, 0, 1).value, prepared.modality.unit) == (2.5, "BQML")

    def test_a_slope_of_zero_is_taken_as_missing(self, opened):
        assert (
            probe(prepare(opened(np.array([[0, 9]], np.int16), RescaleSlope=0, RescaleIntercept=1), 0), 0, 1).value
            == 10
        )

    @pytest.mark.parametrize("vr", ["US", "OW"])
    def test_table_with_values_outside_it(self, opened, vr):
        obj = opened(
            np.array([[8, 9, 10, 11, 12]], np.uint16), **table("ModalityLUTSequence", 9, [100, 50, 200], 8, vr)
        )
        np.testing.assert_array_equal(prepare(obj, 0).grey.values, [100, 100, 50, 200, 200])

    def test_table_for_signed_values(self, opened):
        obj = opened(np.array([[-3, -2, -1, 0]], np.int16), **table("ModalityLUTSequence", -2, [7, 8, 9], 16))
        np.testing.assert_array_equal(prepare(obj, 0).grey.values, [7, 7, 8, 9])

    def test_a_table_that_is_too_short_is_refused(self, opened):
        sequence = table("ModalityLUTSequence", 0, [1, 2, 3], 16)
        sequence["ModalityLUTSequence"][0].LUTDescriptor = [4, 0, 16]
        with pytest.raises(PixelError, match="LUTData has 3 entries, its descriptor announces 4"):
            prepare(opened(np.zeros((2, 2), np.uint16), **sequence), 0)

    def test_each_frame_has_its_own_rescale(self, opened):
        def group(slope):
            item = Dataset()
            item.RescaleSlope, item.RescaleIntercept, item.RescaleType = slope, 0, "US"
            frame = Dataset()
            frame.PixelValueTransformationSequence = Sequence([item])
            return frame

        groups = Sequence([group(1), group(3)])
        obj = opened(np.full((2, 1, 2), 5, np.uint16), frames=2, PerFrameFunctionalGroupsSequence=groups)
        assert [probe(prepare(obj, index), 0, 0).value for index in (0, 1)] == [5, 15]


class TestPolarity:
    values = np.array([[0, 100, 255]], np.uint8)

    def test_monochrome1_shows_low_values_bright(self, opened):
        np.testing.assert_array_equal(
            shown(opened(self.values, PhotometricInterpretation="MONOCHROME1")), [[255, 155, 0]]
        )

    def test_the_inverse_shape_says_the_same_once_more(self, opened):
        obj = opened(self.values, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE")
        np.testing.assert_array_equal(shown(obj), [[255, 155, 0]])

    def test_the_inverse_shape_alone(self, opened):
        np.testing.assert_array_equal(shown(opened(self.values, PresentationLUTShape="INVERSE")), [[255, 155, 0]])

    def test_invert_turns_either(self, opened):
        view = View(window=WIDE.window, invert=True)
        np.testing.assert_array_equal(shown(opened(self.values), view), [[255, 155, 0]])
        obj = opened(self.values, PhotometricInterpretation="MONOCHROME1")
        np.testing.assert_array_equal(shown(obj, view), self.values)


class TestPadding:
    def test_padding_is_black_and_does_not_count_for_the_default_window(self, opened):
        obj = opened(np.array([[-2000, 0, 100]], np.int16), PixelPaddingValue=-2000)
        np.testing.assert_array_equal(shown(obj, View()), [[0, 0, 255]])
        assert probe(prepare(obj, 0), 0, 0).is_padding
        assert probe(prepare(obj, 0), 0, 0).value is None

    @pytest.mark.parametrize("invert", [False, True])
    def test_padding_stays_black_when_low_is_bright(self, opened, invert):
        obj = opened(np.array([[0, 128]], np.uint8), PhotometricInterpretation="MONOCHROME1", PixelPaddingValue=0)
        assert shown(obj, View(invert=invert))[0, 0] == 0

    @pytest.mark.parametrize(("value", "limit"), [(10, 12), (12, 10)])
    def test_range(self, opened, value, limit):
        obj = opened(np.array([[9, 10, 11, 12, 13]], np.uint8), PixelPaddingValue=value, PixelPaddingRangeLimit=limit)
        np.testing.assert_array_equal(shown(obj), [[9, 0, 0, 0, 13]])

    def test_a_value_written_unsigned_for_signed_pixels(self, opened, made):
        ds = made(np.array([[-2000, 100]], np.int16))
        ds.add_new("PixelPaddingValue", "US", 65536 - 2000)
        np.testing.assert_array_equal(shown(opened(ds)), [[0, 100]])

    def test_not_a_number_in_float_pixels_is_padding(self, opened):
        obj = opened(np.array([[np.nan, 0.5, 1, np.inf]], np.float32), BitsStored=None, HighBit=None)
        np.testing.assert_array_equal(shown(obj, View()), [[0, 0, 255, 0]])

    def test_a_frame_of_nothing_but_padding(self, opened):
        assert (shown(opened(np.full((2, 2), -5, np.int16), PixelPaddingValue=-5), View()) == 0).all()


class TestDepths:
    @pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32])
    def test_the_whole_range_of_every_type(self, opened, dtype):
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        values = np.array([[low, low // 2 + high // 2, high]], dtype)
        got = shown(opened(values), View())
        np.testing.assert_array_equal(got[0, [0, 2]], [0, 255])
        assert abs(int(got[0, 1]) - 127) <= 1

    def test_wide_integers_in_a_narrow_range(self, opened):
        values = np.array([[2_000_000_000, 2_000_000_010]], np.int32)
        np.testing.assert_array_equal(shown(opened(values), View()), [[0, 255]])
        assert probe(prepare(opened(values), 0), 0, 1).value == 2_000_000_010

    def test_one_bit(self, opened, made):
        ds = made(np.array([[0b0101]], np.uint8), Rows=1, Columns=4, BitsAllocated=1, BitsStored=1, HighBit=0)
        np.testing.assert_array_equal(shown(opened(ds), View()), [[255, 0, 255, 0]])


class TestOverlays:
    """Planes of group 6000 on a black 4 x 5 picture."""

    bits = np.array([[1, 0, 1], [0, 1, 0]], np.uint8)

    def plane(self, ds, group=0x6000, origin=(1, 1), bits=None, **more):
        bits = self.bits if bits is None else bits
        packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
        ds.add_new((group, 0x0010), "US", bits.shape[-2])
        ds.add_new((group, 0x0011), "US", bits.shape[-1])
        ds.add_new((group, 0x0040), "CS", "G")
        ds.add_new((group, 0x0050), "SS", list(origin))
        ds.add_new((group, 0x0100), "US", 1)
        ds.add_new((group, 0x0102), "US", 0)
        for element, (vr, value) in more.get("also", {}).items():
            ds.add_new((group, element), vr, value)
        ds.add_new((group, 0x3000), "OW", packed + b"\0" * (len(packed) % 2))

    @pytest.mark.parametrize("origin", [(1, 1), (2, 3), (4, 5), (0, 0), (-1, 2), (9, 1), (1, -5)])
    def test_origin_inside_and_outside(self, opened, made, origin):
        ds = made(np.zeros((4, 5), np.uint8))
        self.plane(ds, origin=origin)
        expected = np.zeros((4, 5), np.uint8)
        for row, column in np.argwhere(self.bits):
            at = (origin[0] - 1 + row, origin[1] - 1 + column)
            if 0 <= at[0] < 4 and 0 <= at[1] < 5:
                expected[at] = 255
        np.testing.assert_array_equal(shown(opened(ds)), expected)

    def test_off_and_inverted(self, opened, made):
        ds = made(np.zeros((4, 5), np.uint8))
        self.plane(ds)
        assert not shown(opened(ds), View(overlays=False)).any()
        inverted = shown(opened(ds), View(invert=True))
        assert inverted.all()  # white picture, and the graphics still white

    def test_two_groups(self, opened, made):
        ds = made(np.zeros((4, 5), np.uint8))
        self.plane(ds)
        self.plane(ds, group=0x601E, origin=(3, 1))
        np.testing.assert_array_equal(shown(opened(ds))[:, :3], np.vstack([self.bits, self.bits]) * 255)

    def test_overlay_of_several_frames_begins_at_its_image_frame(self, opened, made):
        ds = made(np.zeros((4, 4, 5), np.uint8), frames=4)
        planes = np.stack([self.bits, 1 - self.bits])
        self.plane(ds, bits=planes, also={0x0015: ("IS", 2), 0x0051: ("US", 2)})
        got = [shown(opened(ds), index=index)[:2, :3] // 255 for index in range(4)]
        np.testing.assert_array_equal(got, [self.bits * 0, self.bits, 1 - self.bits, self.bits * 0])

    def test_embedded_in_a_high_bit(self, opened, made):
        cells = np.array([[0x8010, 0x0020]], np.uint16)
        ds = made(cells, BitsStored=12, HighBit=11)
        ds.add_new((0x6000, 0x0010), "US", 1)
        ds.add_new((0x6000, 0x0011), "US", 2)
        ds.add_new((0x6000, 0x0100), "US", 16)
        ds.add_new((0x6000, 0x0102), "US", 15)
        np.testing.assert_array_equal(shown(opened(ds)), [[255, 32]])

    def test_a_plane_with_too_little_data_is_left_out(self, opened, made):
        ds = made(np.zeros((4, 5), np.uint8))
        self.plane(ds)
        ds[0x6000, 0x0010].value = 400
        assert not shown(opened(ds)).any()
