import struct

import imagecodecs
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.pixels import get_encoder
from pydicom.uid import RLELossless

from storage.errors import PixelError, StorageError
from storage.pixels import open_object

JPEG = "1.2.840.10008.1.2.4.50"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS = "1.2.840.10008.1.2.4.70"
JPEG_LS = "1.2.840.10008.1.2.4.80"
J2K = "1.2.840.10008.1.2.4.90"
HTJ2K = "1.2.840.10008.1.2.4.201"
JPEG_XL = "1.2.840.10008.1.2.4.110"
DEFLATED_FRAME = "1.2.840.10008.1.2.8.1"
ITEM = b"\xfe\xff\x00\xe0"
END = b"\xfe\xff\xdd\xe0\0\0\0\0"


def item(data):
    return ITEM + struct.pack("<L", len(data)) + data


def offsets(*values):
    return item(struct.pack(f"<{len(values)}L", *values))


def picture(shape=(16, 24), dtype=np.uint16, top=4095, seed=0):
    values = np.random.default_rng(seed).integers(0, top + 1, shape).astype(dtype)
    return np.sort(values, axis=1)


def frames_of(path):
    with open_object(path) as obj:
        return [obj.frame(index).values for index in range(obj.number_of_frames)]


def even(data):
    return bytes(data) + b"\0" * (len(data) % 2)


LOSSLESS = [
    (JPEG_LS, imagecodecs.jpegls_encode),
    (J2K, lambda values: imagecodecs.jpeg2k_encode(values, level=0, codecformat="j2k")),
    (HTJ2K, lambda values: imagecodecs.htj2k_encode(values)),
    (JPEG_XL, lambda values: imagecodecs.jpegxl_encode(values, lossless=True)),
    (
        JPEG_LOSSLESS,
        lambda values: imagecodecs.jpeg8_encode(
            values, lossless=True, predictor=1, bitspersample=values.dtype.itemsize * 8
        ),
    ),
]


@pytest.mark.parametrize(("syntax", "encode"), LOSSLESS, ids=["jls", "j2k", "htj2k", "jxl", "jpeg"])
@pytest.mark.parametrize(("shape", "dtype"), [((16, 24), np.uint8), ((16, 24), np.uint16), ((16, 24, 3), np.uint8)])
def test_lossless_codecs_give_back_what_went_in(image_file, syntax, encode, shape, dtype):
    values = picture(shape, dtype, np.iinfo(dtype).max)
    path = image_file(values, syntax=syntax, encoded=[even(encode(values))])
    with open_object(path) as obj:
        frame = obj.frame(0)
    assert frame.values.dtype == dtype
    np.testing.assert_array_equal(frame.values, values)


@pytest.mark.parametrize(("syntax", "encode"), [LOSSLESS[0], LOSSLESS[4]], ids=["jls", "jpeg"])
def test_codecs_without_sign_get_it_back(image_file, syntax, encode):
    values = picture().astype(np.int16) - 2000
    path = image_file(values, syntax=syntax, encoded=[even(encode(values.view(np.uint16)))])
    (got,) = frames_of(path)
    assert got.dtype == np.int16
    np.testing.assert_array_equal(got, values)


def test_a_codestream_that_forgot_its_sign_is_extended_from_its_own_precision(image_file):
    values = (np.arange(256, dtype=np.int16) - 128).reshape(16, 16)
    data = imagecodecs.jpeg2k_encode((values & 0xFF).astype(np.uint8), level=0, codecformat="j2k")
    (got,) = frames_of(image_file(values, syntax=J2K, encoded=[even(data)], BitsStored=12, HighBit=11))
    np.testing.assert_array_equal(got, values)


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [(np.uint8, (9, 7)), (np.uint16, (9, 7)), (np.int16, (9, 7)), (np.uint8, (9, 7, 3))],
)
def test_rle(image_file, dtype, shape):
    values = np.random.default_rng(3).integers(-5, 300, (2, *shape)).astype(dtype)
    attributes = {"rows": 9, "columns": 7, "number_of_frames": 1, "samples_per_pixel": 3 if len(shape) == 3 else 1}
    attributes |= {"bits_allocated": values.dtype.itemsize * 8, "bits_stored": values.dtype.itemsize * 8}
    attributes |= {"pixel_representation": int(values.dtype.kind == "i"), "planar_configuration": 0}
    attributes["photometric_interpretation"] = "RGB" if len(shape) == 3 else "MONOCHROME2"
    encode = get_encoder(RLELossless).encode
    encoded = [encode(values, index=index, **attributes | {"number_of_frames": 2}) for index in range(2)]
    got = frames_of(image_file(values, frames=2, syntax=RLELossless, encoded=encoded))
    np.testing.assert_array_equal(got, values)


def test_one_bit_frames_in_one_rle_segment(image_file):
    bits = np.zeros((5, 5), np.uint8)
    bits[1:4, 2] = 1
    packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
    segment = bytes([len(packed) - 1]) + packed
    data = struct.pack("<16L", 1, 64, *[0] * 14) + segment
    path = image_file(bits, syntax=RLELossless, encoded=[even(data)], BitsAllocated=1, BitsStored=1, HighBit=0)
    np.testing.assert_array_equal(frames_of(path)[0], bits)


def test_a_deflated_frame(image_file):
    import zlib

    values = picture()
    deflate = zlib.compressobj(wbits=-15)
    data = deflate.compress(values.tobytes()) + deflate.flush()
    np.testing.assert_array_equal(frames_of(image_file(values, syntax=DEFLATED_FRAME, encoded=[even(data)]))[0], values)
    bomb = zlib.compressobj(wbits=-15)
    data = bomb.compress(bytes(10**6)) + bomb.flush()
    with pytest.raises(PixelError, match="more than"):
        frames_of(image_file(values, syntax=DEFLATED_FRAME, encoded=[even(data)]))


@pytest.mark.parametrize("declared", [8, 12, 16])
def test_12_bit_jpeg_whatever_bits_stored_says(image_file, declared):
    values = picture(top=200 if declared == 8 else 4095)
    data = imagecodecs.jpeg8_encode(values, level=98, bitspersample=12)
    (got,) = frames_of(
        image_file(values, syntax=JPEG_EXTENDED, encoded=[even(data)], BitsStored=declared, HighBit=declared - 1)
    )
    assert np.abs(got.astype(int) - values).max() < 40


class TestColourOfJpeg:
    """The codestream knows best whether it holds YCbCr; the data set is asked where it is silent (PS3.5 8.2.1)."""

    red = np.full((16, 16, 3), (200, 30, 30), np.uint8)

    def photometric(self, image_file, data, declared):
        path = image_file(self.red, syntax=JPEG, encoded=[even(data)], PhotometricInterpretation=declared)
        with open_object(path) as obj:
            frame = obj.frame(0)
        is_red = np.abs(frame.values[0, 0].astype(int) - (200, 30, 30)).max() < 4
        assert is_red == (frame.photometric_interpretation == "RGB")
        return frame.photometric_interpretation

    @pytest.mark.parametrize("declared", ["RGB", "YBR_FULL_422", "YBR_FULL"])
    def test_jfif_is_ycbcr(self, image_file, declared):
        data = imagecodecs.jpeg8_encode(self.red, level=98)
        assert b"JFIF" in data
        assert self.photometric(image_file, data, declared) == "YBR_FULL"

    @pytest.mark.parametrize("declared", ["RGB", "YBR_FULL_422"])
    def test_adobe_without_transform_is_rgb(self, image_file, declared):
        data = imagecodecs.jpeg8_encode(self.red, level=98, colorspace="RGB", outcolorspace="RGB")
        assert b"Adobe" in data
        assert self.photometric(image_file, data, declared) == "RGB"

    @pytest.mark.parametrize("declared", ["RGB", "YBR_FULL_422"])
    def test_adobe_alone_says_rgb(self, image_file, declared):
        """With component identifiers 1, 2, 3, as most encoders number them."""
        data = bytearray(imagecodecs.jpeg8_encode(self.red, level=98, colorspace="RGB", outcolorspace="RGB"))
        frame, scan = data.index(b"\xff\xc0") + 10, data.index(b"\xff\xda") + 5
        assert bytes(data[frame : frame + 9 : 3]) == bytes(data[scan : scan + 6 : 2]) == b"RGB"
        data[frame : frame + 9 : 3] = data[scan : scan + 6 : 2] = b"\1\2\3"
        assert self.photometric(image_file, data, declared) == "RGB"

    @pytest.mark.parametrize(("declared", "expected"), [("YBR_FULL_422", "YBR_FULL"), ("YBR_FULL", "YBR_FULL")])
    def test_without_markers_dicom_decides(self, image_file, declared, expected):
        data = imagecodecs.jpeg8_encode(self.red, level=98)
        start = data.index(b"\xff\xe0")
        length = int.from_bytes(data[start + 2 : start + 4])
        bare = data[:start] + data[start + 2 + length :]
        assert self.photometric(image_file, bare, declared) == expected


class TestFrameIndex:
    """Every way in which fragments and tables are written, right or wrong, on three JPEG-LS frames."""

    @pytest.fixture
    def frames(self):
        self.values = np.stack([picture(seed=seed) for seed in range(3)])
        return [even(imagecodecs.jpegls_encode(values)) for values in self.values]

    def check(self, image_file, raw, **attributes):
        path = image_file(self.values, frames=3, syntax=JPEG_LS, encoded=[b"\0\0"], **attributes)
        head = path.read_bytes()
        start = head.rfind(b"\xe0\x7f\x10\x00OB") + 12
        path.write_bytes(head[:start] + raw)
        np.testing.assert_array_equal(frames_of(path), self.values)
        return path

    def split(self, frames):
        """Two fragments a frame, and the place of each frame's first item."""
        body, places = b"", []
        for data in frames:
            half = len(data) // 4 * 2
            places.append(len(body))
            body += item(data[:half]) + item(data[half:])
        return body, places

    def test_no_table_one_fragment_each(self, image_file, frames):
        self.check(image_file, encapsulate(frames, has_bot=False) + END)

    def test_table(self, image_file, frames):
        self.check(image_file, encapsulate(frames, has_bot=True) + END)

    def test_table_and_several_fragments(self, image_file, frames):
        body, places = self.split(frames)
        self.check(image_file, offsets(*places) + body + END)

    def test_no_table_and_several_fragments(self, image_file, frames):
        body, _ = self.split(frames)
        self.check(image_file, offsets() + body + END)

    @pytest.mark.parametrize("wrong", [(0, 0, 0), (0, 8, 16), (4, 8, 12), (0, 4_000_000_000, 16), (0,), (0, 1, 2, 3)])
    def test_a_wrong_table_is_not_believed(self, image_file, frames, wrong):
        body, _ = self.split(frames)
        self.check(image_file, offsets(*wrong) + body + END)

    def test_no_delimiter_at_the_end(self, image_file, frames):
        self.check(image_file, encapsulate(frames))

    def test_odd_fragments(self, image_file, frames):
        odd = [data + b"\0" for data in frames]
        self.check(image_file, offsets() + b"".join(map(item, odd)) + END)

    def test_extended_table(self, image_file, frames):
        raw, table, lengths = encapsulate_extended(frames)
        path = self.check(image_file, raw + END, ExtendedOffsetTable=table, ExtendedOffsetTableLengths=lengths)
        with open_object(path) as obj:
            assert obj.encoded_frame(1) == frames[1]

    @pytest.mark.parametrize("shift", [1, 8, 10**6, 2**63])
    def test_a_wrong_extended_table_is_not_believed(self, image_file, frames, shift):
        raw, table, lengths = encapsulate_extended(frames)
        places = struct.unpack("<3Q", table)
        wrong = struct.pack("<3Q", *((place + shift) % 2**64 for place in places))
        self.check(image_file, raw + END, ExtendedOffsetTable=wrong, ExtendedOffsetTableLengths=lengths)

    def test_an_index_kept_by_the_caller_is_used_again(self, image_file, frames):
        path = self.check(image_file, encapsulate(frames) + END)
        with open_object(path) as obj:
            index = obj.frame_index
        with open_object(path, frame_index=index) as obj:
            assert obj.frame_index is index
            np.testing.assert_array_equal(obj.frame(2).values, self.values[2])

    def test_a_missing_frame_is_named_and_the_others_are_there(self, image_file, frames):
        path = image_file(self.values, frames=3, syntax=JPEG_LS, encoded=frames[:2])
        with open_object(path) as obj:
            np.testing.assert_array_equal(obj.frame(1).values, self.values[1])
            with pytest.raises(PixelError, match="frame 3 is missing: 2 of 3"):
                obj.frame(2)

    def test_fragments_that_cannot_be_told_apart(self, image_file, frames):
        path = image_file(self.values, frames=3, syntax=JPEG_LS, encoded=[b"\1\2", b"\3\4"])
        with open_object(path) as obj, pytest.raises(PixelError, match="cannot be told apart"):
            obj.frame(0)

    def test_more_pictures_than_frames(self, image_file, frames):
        path = image_file(self.values, frames=2, syntax=JPEG_LS, encoded=frames, Rows=16, Columns=24)
        with open_object(path) as obj, pytest.raises(PixelError, match="NumberOfFrames is 2"):
            obj.frame(0)


def sof(data, rows, columns):
    """The JPEG with another size in its frame header."""
    at = next(data.index(marker) for marker in (b"\xff\xc0", b"\xff\xc1", b"\xff\xf7") if marker in data)
    return data[: at + 5] + struct.pack(">HH", rows, columns) + data[at + 9 :]


class TestRefused:
    values = picture((16, 24), np.uint8, 255)
    jpeg = bytes(imagecodecs.jpeg8_encode(values))

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (sof(jpeg, 65535, 65535), "compressed picture is 65535 x 65535 x 1, but the header says 16 x 24 x 1"),
            (sof(jpeg, 16, 23), "16 x 23"),
            (jpeg[:-40], "end marker is missing"),
            (jpeg[:30], "no frame header"),
            (b"\xff\xd8" + b"\xff" * 40, "no frame header"),
            (b"\0" * 100, "start-of-image"),
            (b"", "start-of-image"),
        ],
    )
    def test_jpeg(self, image_file, data, message):
        with pytest.raises(PixelError, match=message):
            frames_of(image_file(self.values, syntax=JPEG, encoded=[even(data) or b"\0\0"]))

    def test_corrupt_jpeg_ls(self, image_file):
        data = bytearray(imagecodecs.jpegls_encode(self.values))
        del data[len(data) // 2 : -2]
        with pytest.raises(PixelError, match="corrupt"):
            frames_of(image_file(self.values, syntax=JPEG_LS, encoded=[even(data)]))

    @pytest.mark.parametrize("syntax", [J2K, HTJ2K])
    def test_corrupt_jpeg_2000(self, image_file, syntax):
        encode = dict(LOSSLESS)[syntax]
        data = bytearray(encode(self.values))
        del data[len(data) // 2 : -2]
        with pytest.raises(PixelError, match="corrupt"):
            frames_of(image_file(self.values, syntax=syntax, encoded=[even(data)]))

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"\1\0", "shorter than its header"),
            (struct.pack("<16L", 2, 64, 66, *[0] * 13) + b"\0\1\0\1", "has 2 segments, 1 are needed"),
            (struct.pack("<16L", 1, 9999, *[0] * 14) + b"\0\1", "offsets are wrong"),
            (struct.pack("<16L", 1, 8, *[0] * 14) + b"\0\1", "offsets are wrong"),
            (struct.pack("<16L", 1, 64, *[0] * 14) + b"\x81\1", "truncated"),
            (struct.pack("<16L", 1, 64, *[0] * 14), "truncated|corrupt"),
            (struct.pack("<16L", 15, *range(64, 79)), "15 segments"),
        ],
    )
    def test_rle(self, image_file, data, message):
        with pytest.raises(PixelError, match=message):
            frames_of(image_file(self.values, syntax=RLELossless, encoded=[even(data)]))

    def test_video_says_what_it_is(self, image_file):
        path = image_file(self.values, syntax="1.2.840.10008.1.2.4.102", encoded=[b"\0\0"])
        with pytest.raises(PixelError, match="is video"):
            frames_of(path)

    def test_an_unknown_syntax(self, image_file):
        path = image_file(self.values, syntax="1.2.3.4", encoded=[b"\0\0"])
        with pytest.raises(PixelError, match=r"1\.2\.3\.4 cannot be decoded"):
            frames_of(path)

    def test_native_data_under_a_compressed_syntax(self, image_file):
        path = image_file(self.values, vr="OB")
        native, rle = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.5\0"
        path.write_bytes(path.read_bytes().replace(native, rle))
        with pytest.raises(PixelError, match="is compressed, the pixel data is not"):
            frames_of(path)


CORRUPTED = [f"{name}.dcm" for name in ("MR_small_RLE", "MR_small_jpeg_ls_lossless", "MR_small_jp2klossless")]
CORRUPTED += ["SC_rgb_small_odd_jpeg.dcm", "SC_rgb_jpeg_gdcm.dcm", "JPGExtended.dcm"]


@pytest.mark.filterwarnings("ignore::UserWarning")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(CORRUPTED),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8),
    keep=st.one_of(st.none(), st.floats(0, 1)),
)
def test_any_corruption_is_a_picture_or_one_error(tmp_path, name, changes, keep):
    data = bytearray(open(get_testdata_file(name, download=False), "rb").read())  # noqa: PTH123, SIM115
    for place, value in changes:
        data[int(place * len(data))] = value
    path = tmp_path / "corrupt.dcm"
    path.write_bytes(data if keep is None else data[: int(keep * len(data))])
    try:
        with open_object(path) as obj:
            assert obj.frame(0).values.shape == obj.description.shape
    except StorageError as error:
        refusal = str(error)
    else:
        return
    assert refusal
    assert "\n" not in refusal


def test_pydicom_agrees_about_what_was_written(image_file):
    values = picture()
    path = image_file(values, syntax=JPEG_LS, encoded=[even(imagecodecs.jpegls_encode(values))])
    np.testing.assert_array_equal(dcmread(path).pixel_array, values)
