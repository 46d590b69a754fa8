from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian

from sample_dicom.cli import main
from sample_dicom.encode import SYNTAXES


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("syntax", sorted(SYNTAXES))
def test_ct_chest_in_every_transfer_syntax_has_the_same_pixels(tmp_path: Path, syntax: str) -> None:
    run("ct-chest", tmp_path / "a", "--slices", "2", "--size", "64")
    run("ct-chest", tmp_path / "b", "--slices", "2", "--size", "64", "--transfer-syntax", syntax)
    for path in sorted((tmp_path / "a").rglob("*.dcm")):
        plain, other = dcmread(path), dcmread(tmp_path / "b" / path.relative_to(tmp_path / "a"))
        assert plain.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        assert other.file_meta.TransferSyntaxUID == SYNTAXES[syntax]
        assert np.array_equal(plain.pixel_array, other.pixel_array)


def test_other_sizes_are_other_instances(tmp_path: Path) -> None:
    run("ct-chest", tmp_path / "a", "--slices", "2", "--size", "64")
    run("ct-chest", tmp_path / "b", "--slices", "3", "--size", "64")
    uids = [dcmread(p).SOPInstanceUID for p in tmp_path.rglob("*.dcm")]
    assert len(uids) == len(set(uids)) == 5


def test_many_studies_vary_and_are_valid(tmp_path: Path, dciodvfy: str) -> None:
    run("many", tmp_path, "--studies", "40", "--images", "2")
    made = {path: dcmread(path) for path in tmp_path.rglob("*.dcm")}
    assert len(made) == len({ds.SOPInstanceUID for ds in made.values()}) == 80
    assert len({ds.StudyInstanceUID for ds in made.values()}) == 40
    assert 20 < len({ds.PatientID for ds in made.values()}) < 40, "some patients come twice"
    assert {ds.Modality for ds in made.values()} == {"CT", "MR", "US", "OT"}
    for path in made:
        checked = subprocess.run([dciodvfy, path], capture_output=True, text=True, errors="replace", check=False)
        assert "Error" not in checked.stdout + checked.stderr, checked.stderr


def test_multiframe_has_the_size_asked_for(tmp_path: Path) -> None:
    run("multiframe", tmp_path / "large.dcm", "--megabytes", "3", "--size", "128")
    ds = dcmread(tmp_path / "large.dcm")
    assert 3_000_000 <= len(ds.PixelData) < 3_000_000 + 128 * 128 * 2
    assert ds.pixel_array.shape == (ds.NumberOfFrames, 128, 128)
    assert len(ds.PerFrameFunctionalGroupsSequence) == ds.NumberOfFrames


def test_multiframe_past_the_length_field_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["multiframe", str(tmp_path / "x.dcm"), "--megabytes", "4294", "--size", "4096"])
    assert result.exit_code == 2
    assert "do not fit" in result.output
    assert not (tmp_path / "x.dcm").exists()


def test_set_makes_only_what_is_asked(tmp_path: Path) -> None:
    assert run("set", tmp_path, "--only", "us-cine") == "us-cine: 1 files\n"
    assert [p.name for p in tmp_path.rglob("*.dcm")] == ["us1-0001.dcm"]
