"""Letters, scale and pose (PS3.3 C.7.6.1.1.1, C.7.6.2, 10.7, C.8.5.5)."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from viewer.rendering import Letters, Pose, View, image_point, prepare, render_prepared, screen_point, screen_spacing
from viewer.rendering.geometry import direction_letters, opposite, read_letters
from viewer.rendering.spacing import read_aspect, read_regions, read_spacing

POSES = [Pose(rotate, flip) for flip in (False, True) for rotate in (0, 90, 180, 270)]
poses = st.sampled_from(POSES)
fractions = st.floats(0, 1)


def attributes(**values):
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


class TestLetters:
    @pytest.mark.parametrize(
        ("cosines", "expected"),
        [
            ([1, 0, 0, 0, 1, 0], Letters("R", "L", "A", "P")),  # axial
            ([1, 0, 0, 0, 0, -1], Letters("R", "L", "H", "F")),  # coronal
            ([0, 1, 0, 0, 0, -1], Letters("A", "P", "H", "F")),  # sagittal
            ([-1, 0, 0, 0, 1, 0], Letters("L", "R", "A", "P")),  # seen from the head
            ([0.8, 0.6, 0, 0, 0, -1], Letters("RA", "LP", "H", "F")),  # oblique
            ([1, 0, 0, 0, 0.9397, -0.342], Letters("R", "L", "AH", "PF")),  # gantry tilted by 20 degrees
            ([0.9998, 0.02, 0, -0.02, 0.9998, 0], Letters("R", "L", "A", "P")),  # one degree is not oblique
        ],
    )
    def test_from_cosines(self, cosines, expected):
        assert read_letters(attributes(ImageOrientationPatient=cosines), 0) == expected

    @pytest.mark.parametrize("cosines", [[0] * 6, [1, 0, 0], [1, 0, 0, 0, 5, 0]])
    def test_cosines_that_are_none_are_not_believed(self, cosines):
        assert read_letters(attributes(ImageOrientationPatient=cosines), 0) == Letters()

    @pytest.mark.parametrize(
        ("stated", "expected"),
        [
            (["L", "F"], Letters("R", "L", "H", "F")),
            (["A", "FR"], Letters("P", "A", "HL", "FR")),
            (["", "F"], Letters()),
            (["LE", "V"], Letters()),  # quadrupeds have words of their own
            (["L"], Letters()),
        ],
    )
    def test_from_patient_orientation(self, stated, expected):
        assert read_letters(attributes(PatientOrientation=stated), 0) == expected

    def test_from_the_functional_groups(self):
        shared = attributes(
            PlaneOrientationSequence=Sequence([attributes(ImageOrientationPatient=[0, 1, 0, 0, 0, -1])])
        )
        assert read_letters(attributes(SharedFunctionalGroupsSequence=Sequence([shared])), 5).top == "H"

    def test_opposites(self):
        assert opposite("LPH") == "RAF"
        assert direction_letters((0.0, -1.0, 0.0)) == "A"

    @given(poses)
    def test_unknown_stays_unknown(self, pose):
        assert Letters().under(pose) == Letters()


class TestPose:
    """The eight states are told by where a marked corner and an edge end up."""

    letters = Letters("left", "right", "top", "bottom")

    @pytest.mark.parametrize("pose", POSES)
    def test_letters_follow_the_pixels(self, opened, pose):
        """An edge painted in its own grey must be where the letter of that edge is said to be."""
        greys = {"left": 40, "right": 90, "top": 160, "bottom": 230}
        values = np.zeros((9, 15), np.uint8)
        values[1:-1, 0], values[1:-1, -1] = greys["left"], greys["right"]
        values[0, 1:-1], values[-1, 1:-1] = greys["top"], greys["bottom"]
        rendered = render_prepared(prepare(opened(values), 0), View(pose=pose, format="png"))
        image = np.asarray(Image.open(io.BytesIO(rendered.data)))
        assert image.shape == (rendered.height, rendered.width)
        middle = image.shape[0] // 2, image.shape[1] // 2
        seen = Letters(
            *(
                next(name for name, grey in greys.items() if grey == value)
                for value in (image[middle[0], 0], image[middle[0], -1], image[0, middle[1]], image[-1, middle[1]])
            )
        )
        assert self.letters.under(pose) == seen

    @pytest.mark.parametrize("pose", POSES)
    def test_points_follow_the_pixels(self, opened, pose):
        values = np.zeros((8, 12), np.uint8)
        values[2, 3] = 255
        rendered = render_prepared(prepare(opened(values), 0), View(pose=pose, format="png"))
        image = np.asarray(Image.open(io.BytesIO(rendered.data)))
        ((row, column),) = np.argwhere(image)
        x, y = image_point((column + 0.5) / image.shape[1], (row + 0.5) / image.shape[0], pose)
        assert (int(y * 8), int(x * 12)) == (2, 3)

    @given(poses, fractions, fractions)
    def test_there_and_back(self, pose, x, y):
        assert screen_point(*image_point(x, y, pose), pose) == pytest.approx((x, y))

    @given(st.lists(st.sampled_from(["flip_h", "flip_v", "right", "left", "turn"]), max_size=12))
    def test_any_sequence_of_turns_and_flips(self, steps):
        """What the buttons do one after the other on the screen is what the pose says at once."""
        pose, picture = Pose(), np.arange(6).reshape(2, 3)
        for step in steps:
            if step == "flip_h":
                pose, picture = pose.then_flip_h(), picture[:, ::-1]
            elif step == "flip_v":
                pose, picture = pose.then_flip_v(), picture[::-1]
            else:
                degrees = {"right": 90, "left": -90, "turn": 180}[step]
                pose, picture = pose.then_rotate(degrees), np.rot90(picture, -degrees // 90)
        start = np.arange(6).reshape(2, 3)
        expected = np.rot90(start[:, ::-1] if pose.flip_h else start, -pose.rotate // 90)
        np.testing.assert_array_equal(picture, expected)

    @given(st.lists(st.sampled_from(POSES), min_size=1, max_size=4))
    def test_letters_stay_opposite(self, several):
        letters = Letters("R", "L", "A", "P")
        for pose in several:
            letters = letters.under(pose)
        assert {opposite(letters.left), opposite(letters.top)} == {letters.right, letters.bottom}

    @given(poses)
    def test_scale_turns_with_the_picture(self, pose):
        assert screen_spacing(2, 3, pose) == ((3, 2) if pose.rotate in (90, 270) else (2, 3))

    @pytest.mark.parametrize("rotate", [45, 360, -90])
    def test_other_angles_are_refused(self, rotate):
        with pytest.raises(ValueError, match="rotate"):
            Pose(rotate)


class TestSpacing:
    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ({"Modality": "CT", "PixelSpacing": [0.5, 0.7]}, (0.5, 0.7, "patient")),
            ({"Modality": "CT", "PixelSpacing": [0, 0]}, (None, None, "unknown")),
            ({"Modality": "CT", "PixelSpacing": [0.5]}, (None, None, "unknown")),
            ({"Modality": "CT"}, (None, None, "unknown")),
            ({"Modality": "DX", "ImagerPixelSpacing": [0.1, 0.1]}, (0.1, 0.1, "detector")),
            ({"Modality": "DX", "ImagerPixelSpacing": [0.1, 0.1], "PixelSpacing": [0.1, 0.1]}, (0.1, 0.1, "detector")),
            (
                {"Modality": "DX", "ImagerPixelSpacing": [0.1, 0.1], "PixelSpacing": [0.08, 0.08]},
                (0.08, 0.08, "calibrated"),
            ),
            ({"Modality": "CR", "PixelSpacing": [0.1, 0.1]}, (0.1, 0.1, "detector")),
            (
                {"Modality": "CR", "PixelSpacing": [0.1, 0.1], "PixelSpacingCalibrationType": "FIDUCIAL"},
                (0.1, 0.1, "calibrated"),
            ),
            ({"Modality": "OT", "NominalScannedPixelSpacing": [0.2, 0.2]}, (0.2, 0.2, "film")),
        ],
    )
    def test_what_is_stated_and_how_far_it_holds(self, values, expected):
        spacing = read_spacing(attributes(**values), 0)
        assert (spacing.row_mm, spacing.column_mm, spacing.status) == expected

    def test_from_the_functional_groups_of_the_frame(self):
        def group(mm):
            return attributes(PixelMeasuresSequence=Sequence([attributes(PixelSpacing=[mm, mm])]))

        ds = attributes(Modality="MR", PerFrameFunctionalGroupsSequence=Sequence([group(1), group(2)]))
        assert [read_spacing(ds, index).row_mm for index in (0, 1)] == [1, 2]

    def region(self, **changes):
        values = {
            "PhysicalUnitsXDirection": 3,
            "PhysicalUnitsYDirection": 3,
            "PhysicalDeltaX": 0.02,
            "PhysicalDeltaY": -0.03,
        }
        corners = dict(zip(("MinX0", "MinY0", "MaxX1", "MaxY1"), (10, 20, 300, 200), strict=True))
        values |= {f"RegionLocation{corner}": value for corner, value in corners.items()}
        return attributes(**(values | changes))

    def test_ultrasound_regions_are_in_centimetres(self):
        ds = attributes(Modality="US", SequenceOfUltrasoundRegions=Sequence([self.region()]))
        (region,) = read_regions(ds)
        assert (region.left, region.top, region.right, region.bottom) == (10, 20, 300, 200)
        assert (region.row_mm, region.column_mm) == pytest.approx((0.3, 0.2))
        spacing = read_spacing(ds, 0)
        assert (spacing.row_mm, spacing.status) == (pytest.approx(0.3), "region")

    def test_doppler_has_no_spatial_scale(self):
        doppler = self.region(PhysicalUnitsXDirection=4, PhysicalUnitsYDirection=7)
        assert read_regions(attributes(SequenceOfUltrasoundRegions=Sequence([doppler]))) == ()

    def test_regions_of_different_scale_give_none_for_the_whole(self):
        regions = Sequence([self.region(), self.region(PhysicalDeltaX=0.05)])
        ds = attributes(SequenceOfUltrasoundRegions=regions)
        assert len(read_regions(ds)) == 2
        assert read_spacing(ds, 0).status == "unknown"

    @pytest.mark.parametrize(
        ("values", "aspect"),
        [
            ({"PixelSpacing": [2, 1]}, 2),
            ({"PixelAspectRatio": [3, 4]}, 0.75),
            ({"PixelSpacing": [1, 1], "PixelAspectRatio": [3, 4]}, 1),
            ({"PixelAspectRatio": [0, 4]}, 1),
            ({"PixelAspectRatio": [4000, 1]}, 1),
            ({}, 1),
        ],
    )
    def test_shape_of_a_pixel(self, values, aspect):
        assert read_aspect(attributes(**values), 0) == aspect
