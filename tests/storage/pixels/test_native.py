import tracemalloc

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

from storage.errors import NotFound, PixelError
from storage.pixels import DecodeLimits, open_object


def frame(path, index=0):
    with open_object(path) as obj:
        return obj.frame(index)


def numbered(shape, dtype):
    size = int(np.prod(shape))
    return np.linspace(np.iinfo(dtype).min, np.iinfo(dtype).max, size).astype(dtype).reshape(shape)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32])
@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_whole_cells_come_back_as_they_were(image_file, dtype, syntax):
    values = numbered((6, 8), dtype)
    vr = "OB" if values.dtype.itemsize == 1 else "OW"
    got = frame(image_file(values, syntax=syntax, vr=vr)).values
    assert got.dtype == values.dtype
    np.testing.assert_array_equal(got, values)


def test_frames_are_told_apart(image_file):
    values = numbered((3, 4, 5), np.uint16)
    path = image_file(values, frames=3)
    for index in range(3):
        np.testing.assert_array_equal(frame(path, index).values, values[index])


@pytest.mark.parametrize("index", [-1, 3])
def test_a_frame_outside_is_not_found(image_file, index):
    with open_object(image_file(numbered((3, 4, 5), np.uint16), frames=3)) as obj, pytest.raises(NotFound):
        obj.frame(index)


def test_bits_above_bits_stored_do_not_count(image_file):
    cells = np.array([[0xF123, 0x0FFF]], np.uint16)
    got = frame(image_file(cells, BitsStored=12, HighBit=11)).values
    np.testing.assert_array_equal(got, [[0x123, 0xFFF]])


def test_the_sign_bit_is_the_high_bit(image_file):
    cells = np.array([[0x0800, 0x0FFF, 0x07FF, 0xF001]], np.uint16)
    got = frame(image_file(cells, BitsStored=12, HighBit=11, PixelRepresentation=1)).values
    assert got.dtype == np.int16
    np.testing.assert_array_equal(got, [[-2048, -1, 2047, 1]])


def test_a_high_bit_above_bits_stored_shifts(image_file):
    cells = np.array([[0xABC5, 0x800F]], np.uint16)
    path = image_file(cells, BitsStored=12, HighBit=15)
    np.testing.assert_array_equal(frame(path).values, [[0xABC, 0x800]])
    path = image_file(cells, BitsStored=12, HighBit=15, PixelRepresentation=1)
    np.testing.assert_array_equal(frame(path).values, [[0xABC - 0x1000, -0x800]])


def test_overlay_bits_are_removed_from_values_and_still_there(image_file):
    cells = np.array([[0x8001, 0x0002, 0x9003]], np.uint16)
    with open_object(image_file(cells, BitsStored=12, HighBit=11)) as obj:
        np.testing.assert_array_equal(obj.frame(0).values, [[1, 2, 3]])
        np.testing.assert_array_equal(obj.overlay_bit(0, 15), [[True, False, True]])
        np.testing.assert_array_equal(obj.overlay_bit(0, 12), [[False, False, True]])
        with pytest.raises(PixelError, match="bit 16"):
            obj.overlay_bit(0, 16)


def test_one_bit_frames_need_not_begin_on_a_byte(image_file):
    bits = np.random.default_rng(1).integers(0, 2, (3, 5, 5), np.uint8)
    raw = np.packbits(bits.ravel(), bitorder="little").tobytes()
    path = image_file(bits, frames=3, raw=raw, vr="OB", BitsAllocated=1, BitsStored=1, HighBit=0)
    for index in range(3):
        np.testing.assert_array_equal(frame(path, index).values, bits[index])


def test_big_endian_words_hold_two_small_samples_the_other_way_round(image_file):
    values = np.arange(27, dtype=np.uint8).reshape(3, 3, 3)  # three frames of nine bytes: two begin inside a word
    raw = np.frombuffer(values.tobytes() + b"\0", np.uint16).byteswap().tobytes()
    path = image_file(values, frames=3, raw=raw, syntax=ExplicitVRBigEndian)
    for index in range(3):
        np.testing.assert_array_equal(frame(path, index).values, values[index])


def test_planes_become_pixels(image_file):
    values = numbered((4, 5, 3), np.uint8)
    path = image_file(values, raw=values.transpose(2, 0, 1).tobytes(), PlanarConfiguration=1)
    np.testing.assert_array_equal(frame(path).values, values)


def test_422_chroma_goes_to_both_pixels(image_file):
    raw = bytes([10, 20, 100, 200, 30, 40, 110, 210])  # Y1 Y2 Cb Cr, twice
    got = frame(image_file(np.zeros((1, 4, 3), np.uint8), raw=raw, PhotometricInterpretation="YBR_FULL_422"))
    assert got.photometric_interpretation == "YBR_FULL"
    np.testing.assert_array_equal(got.values, [[[10, 100, 200], [20, 100, 200], [30, 110, 210], [40, 110, 210]]])


def test_422_that_is_stored_in_full_is_believed(image_file):
    values = numbered((2, 4, 3), np.uint8)
    got = frame(image_file(values, PhotometricInterpretation="YBR_FULL_422"))
    np.testing.assert_array_equal(got.values, values)


@pytest.mark.parametrize(("dtype", "tag", "vr"), [("<f4", 0x7FE00008, "OF"), ("<f8", 0x7FE00009, "OD")])
def test_float_pixels(image_file, tmp_path, dtype, tag, vr):
    values = np.array([[0.25, -1e30], [np.pi, 0]], dtype)
    ds = dcmread(image_file(np.zeros((2, 2), np.uint16), BitsAllocated=values.dtype.itemsize * 8))
    del ds.PixelData, ds.BitsStored, ds.HighBit, ds.PixelRepresentation
    ds.add_new(tag, vr, values.tobytes())
    ds.save_as(tmp_path / "float.dcm")
    np.testing.assert_array_equal(frame(tmp_path / "float.dcm").values, values)


def test_one_frame_of_a_huge_object_is_read_alone(image_file, tmp_path):
    frames = 4096
    path = image_file(np.zeros((2, 512, 512), np.uint16), frames=2, NumberOfFrames=frames)
    head = path.read_bytes()
    start = head.rfind(b"\xe0\x7f\x10\x00OW") + 12
    with path.open("r+b") as stream:
        stream.seek(start - 4)
        stream.write((frames * 512 * 512 * 2).to_bytes(4, "little"))
        stream.seek(start + 4000 * 512 * 512 * 2)
        stream.write(np.full(512 * 512, 7, np.uint16).tobytes())
        stream.truncate(start + frames * 512 * 512 * 2)  # 2 GB, sparse
    tracemalloc.start()
    try:
        with open_object(path) as obj:
            assert (obj.frame(4000).values == 7).all()
            assert (obj.frame(4001).values == 0).all()
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_encoded_frame_gives_the_bytes_as_stored(image_file):
    values = numbered((2, 3, 4), np.uint16)
    with open_object(image_file(values, frames=2, syntax=ExplicitVRBigEndian)) as obj:
        assert obj.encoded_frame(1) == values[1].astype(">u2").tobytes()


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"Rows": 0}, "Rows x Columns is 0 x 4"),
        ({"Columns": None}, "Rows x Columns is 3 x 0"),
        ({"Rows": 4}, "24 bytes, but 1 frame"),
        ({"NumberOfFrames": 2}, "2 frame"),
        ({"SamplesPerPixel": 2}, "SamplesPerPixel is 2"),
        ({"BitsAllocated": 12}, "BitsAllocated is 12"),
        ({"BitsAllocated": None}, "BitsAllocated is 0"),
        ({"NumberOfFrames": -1}, "NumberOfFrames is -1"),
        ({"Rows": [3, 4]}, "Rows is not one whole number"),
        ({"Rows": 65535, "Columns": 65535}, "over the limit"),
    ],
)
def test_a_wrong_description_is_refused_with_one_line(image_file, attributes, message):
    path = image_file(numbered((3, 4), np.uint16), **attributes)
    with open_object(path) as obj, pytest.raises(PixelError, match=message) as caught:
        obj.frame(0)
    assert str(caught.value).startswith("image.dcm")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("attributes", [{"BitsStored": None, "HighBit": None}, {"HighBit": 40}, {"BitsStored": 99}])
def test_missing_or_impossible_bit_numbers_mean_the_whole_cell(image_file, attributes):
    values = numbered((3, 4), np.uint16)
    np.testing.assert_array_equal(frame(image_file(values, **attributes)).values, values)


def test_the_limit_counts_decoded_bytes(image_file):
    path = image_file(numbered((8, 8), np.uint16))
    with open_object(path, limits=DecodeLimits(frame_bytes=128)) as obj:
        assert obj.frame(0).values.size == 64
    with open_object(path, limits=DecodeLimits(frame_bytes=127)) as obj, pytest.raises(PixelError, match="limit"):
        obj.frame(0)


def test_pixel_data_that_breaks_off_is_refused_only_where_it_does(image_file):
    values = numbered((3, 4, 5), np.uint16)
    path = image_file(values, frames=3)
    path.write_bytes(path.read_bytes()[:-6])
    np.testing.assert_array_equal(frame(path, 1).values, values[1])
    with pytest.raises(PixelError, match="frame 3: pixel data is truncated"):
        frame(path, 2)


def test_a_deflated_bomb_stops_at_the_limit(image_file):
    path = image_file(np.zeros((1000, 1000), np.uint16), syntax=DeflatedExplicitVRLittleEndian)
    assert path.stat().st_size < 10_000
    with pytest.raises(PixelError, match="more than 100000 bytes"):
        open_object(path, limits=DecodeLimits(inflated_bytes=100_000))


def test_a_truncated_deflated_object_is_refused(image_file):
    path = image_file(numbered((64, 64), np.uint16), syntax=DeflatedExplicitVRLittleEndian)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(PixelError, match="deflated data is truncated"):
        open_object(path)


def test_an_object_without_pixels_opens_and_says_so(image_file):
    ds = dcmread(image_file(numbered((3, 4), np.uint16)))
    del ds.PixelData
    path = image_file(numbered((3, 4), np.uint16), name="other.dcm")
    ds.save_as(path)
    with open_object(path) as obj:
        assert not obj.has_pixels
        with pytest.raises(PixelError, match="no pixel data in this object \\(Secondary Capture Image Storage\\)"):
            obj.frame(0)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_a_broken_object_says_of_itself_is_one_short_line(image_file):
    ds = dcmread(image_file(numbered((3, 4), np.uint16)))
    del ds.PixelData
    path = image_file(numbered((3, 4), np.uint16), name="other.dcm")
    ds.SOPClassUID = "1.2.3." + "4" * 1000
    ds.save_as(path)
    path.write_bytes(path.read_bytes().replace(b"1.2.3.4", b"1.2\n3.4"))
    with open_object(path) as obj, pytest.raises(PixelError, match="no pixel data") as told:
        obj.frame(0)
    assert str(told.value).isprintable()
    assert len(str(told.value)) <= 400


def test_a_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFound, match="no such file"):
        open_object(tmp_path / "absent.dcm")


@pytest.mark.parametrize("content", [b"", b"text", b"x" * 5000, b"\0" * 128 + b"DICM"])
def test_something_else_has_no_pixels(tmp_path, content):
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(PixelError), open_object(path) as obj:
        obj.frame(0)
