"""Bringing files in: folders, zip files, discs, and what is none of these."""

from __future__ import annotations

import io
import os
import random
import tempfile
import threading
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.uid import ImplicitVRLittleEndian, MediaStorageDirectoryStorage

from storage.archive import Archive
from storage.attributes import Level
from storage.errors import InvalidObject
from storage.importing import Imported, ImportResult, find_files, import_file
from storage.query import Query
from tests.support.objects import INSTANCE, ct, encode, files_below, write_file


def bring(archive: Archive, *paths: Path) -> list[ImportResult]:
    return [result for path in find_files(paths) for result in import_file(archive, path)]


def outcomes(archive: Archive, *paths: Path) -> list[Imported]:
    return [r.outcome for r in bring(archive, *paths)]


def part10(**changes: object) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return write_file(Path(folder) / "x.dcm", ct(**changes)).read_bytes()


def zipped(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as z:
        for name, data in members.items():
            z.writestr(name, data)
    return path


def test_a_file_is_stored_once(archive: Archive, tmp_path: Path) -> None:
    path = write_file(tmp_path / "a.dcm", ct())
    assert outcomes(archive, path, path) == [Imported.STORED, Imported.ALREADY_STORED]
    assert archive.instance(INSTANCE).path.read_bytes().endswith(encode(ct()))


def test_a_bare_data_set_is_recognised(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "explicit").write_bytes(encode(ct()))
    (tmp_path / "implicit").write_bytes(encode(ct(SOPInstanceUID="1.2"), ImplicitVRLittleEndian))
    assert outcomes(archive, tmp_path / "explicit", tmp_path / "implicit") == [Imported.STORED] * 2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n" * 100,
        b"\x89PNG\r\n\x1a\n" + bytes(300),
        bytes(132),
        bytes(128) + b"DIC",
        b"DICM",
        b"\x08\x00",
        b"MZ" * 99,
    ],
)
def test_what_is_no_dicom_is_passed_over_with_a_word(archive: Archive, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x").write_bytes(data)
    (result,) = bring(archive, tmp_path / "x")
    assert result.outcome is Imported.NOT_DICOM
    assert result.detail
    assert archive.quarantined_count() == 0


@pytest.mark.parametrize(
    "data",
    [
        bytes(128) + b"DICM",
        bytes(128) + b"DICM" + bytes(50),
        part10()[:200],
        part10()[:-5],
        part10(StudyInstanceUID=None),
    ],
)
def test_broken_dicom_is_kept_in_quarantine_with_its_source(archive: Archive, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.dcm").write_bytes(data)
    (result,) = bring(archive, tmp_path / "x.dcm")
    assert result.outcome is Imported.QUARANTINED
    (kept,) = archive.quarantined(9)
    assert kept.source.address == str(tmp_path / "x.dcm")
    assert kept.path.read_bytes()[-50:] == data[-50:]


def test_a_folder_is_walked_in_order_without_its_loops(archive: Archive, tmp_path: Path) -> None:
    for n, name in enumerate(["b/2.dcm", "a/1.dcm", "b/c/3.dcm"]):
        write_file(tmp_path / "in" / name, ct(SOPInstanceUID=f"1.{n}"))
    (tmp_path / "in" / "a" / "loop").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "dangling").symlink_to(tmp_path / "nowhere")
    (tmp_path / "in" / "DICOMDIR").write_bytes(b"")
    (tmp_path / "in" / "readme.txt").write_text("x")
    results = bring(archive, tmp_path / "in")
    assert [(Path(r.name).name, r.outcome) for r in results] == [
        ("dangling", Imported.FAILED),
        ("readme.txt", Imported.NOT_DICOM),
        ("1.dcm", Imported.STORED),
        ("2.dcm", Imported.STORED),
        ("3.dcm", Imported.STORED),
    ]


def test_an_empty_folder_is_nothing(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "in" / "in").mkdir(parents=True)
    assert bring(archive, tmp_path / "in") == []


def test_a_folder_that_cannot_be_listed_is_told(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_file(tmp_path / "in" / "a.dcm", ct())
    (tmp_path / "in" / "closed").mkdir()
    original = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(os, "scandir", scandir)
    results = bring(archive, tmp_path / "in")
    assert [(Path(r.name).name, r.outcome) for r in results] == [
        ("a.dcm", Imported.STORED),
        ("closed", Imported.FAILED),
    ]


@pytest.mark.timeout(20)
def test_a_pipe_is_not_waited_for(archive: Archive, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    os.mkfifo(tmp_path / "in" / "pipe")
    assert outcomes(archive, tmp_path / "in") == [Imported.FAILED]
    assert outcomes(archive, Path("/dev/zero")) == [Imported.FAILED]


def test_a_file_that_vanishes_is_told(archive: Archive, tmp_path: Path) -> None:
    a, b = (write_file(tmp_path / "in" / f"{n}.dcm", ct(SOPInstanceUID=f"1.{n}")) for n in range(2))
    found = find_files([tmp_path / "in"])
    first = [r.outcome for r in import_file(archive, next(found))]
    b.unlink()
    assert first == [Imported.STORED]
    assert [r.outcome for path in found for r in import_file(archive, path)] == [Imported.FAILED]
    assert a.exists()


def test_a_name_that_is_no_utf_8_is_no_obstacle(archive: Archive, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/IM\xff1"))
    path.write_bytes(part10()[:-5])
    assert outcomes(archive, path) == [Imported.QUARANTINED]
    assert archive.quarantined(1)[0].source.address.endswith("IM\\udcff1")


# ---- zip


def test_members_of_a_zip_are_imported_whatever_they_are_called(archive: Archive, tmp_path: Path) -> None:
    names = ["../../evil.dcm", "/etc/passwd", "a/b/c", "C:\\x.dcm", "x" * 300]
    path = zipped(tmp_path / "a.zip", {n: part10(SOPInstanceUID=f"1.{i}") for i, n in enumerate(names)} | {"DICOMDIR": b"x", "a/readme.txt": b"x"})  # fmt: skip  # noqa: E501
    before = {p for p in files_below(tmp_path) if not p.is_relative_to(archive.data)}
    results = bring(archive, path)
    assert Counter(r.outcome for r in results) == {Imported.STORED: 5, Imported.NOT_DICOM: 1}
    assert results[0].name == f"{path}!../../evil.dcm"
    assert {p for p in files_below(tmp_path) if not p.is_relative_to(archive.data)} == before


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_way_of_packing_is_read(archive: Archive, tmp_path: Path, method: int) -> None:
    assert outcomes(archive, zipped(tmp_path / "a.zip", {"x": part10()}, method)) == [Imported.STORED]


def test_a_dicom_file_that_ends_as_a_zip_does_is_a_dicom_file(archive: Archive, tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as z:
        z.writestr("x.txt", "x")
    path = write_file(
        tmp_path / "a.dcm", ct(DataSetTrailingPadding=inner.getvalue() + bytes(len(inner.getvalue()) % 2))
    )
    assert zipfile.is_zipfile(path)
    assert outcomes(archive, path) == [Imported.STORED]


def test_an_encrypted_member_is_told_and_the_others_come_in(archive: Archive, tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a": part10(SOPInstanceUID="1.1"), "b": part10(SOPInstanceUID="1.2")}, 0)
    data = bytearray(path.read_bytes())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + flags] |= 1
    path.write_bytes(data)
    results = bring(archive, path)
    assert [r.outcome for r in results] == [Imported.FAILED, Imported.STORED]
    assert "encrypted" in results[0].detail


def test_a_bomb_costs_no_disk(archive: Archive, tmp_path: Path) -> None:
    huge = tmp_path / "a.zip"
    with zipfile.ZipFile(huge, "w", zipfile.ZIP_DEFLATED) as z:
        for name, head in (("zeros", b""), ("dicom", part10()[:-128])):
            with z.open(name, "w") as f:
                f.write(head)
                for _ in range(200):
                    f.write(bytes(1 << 20))
    object.__setattr__(archive.settings, "maximum_object_bytes", 4 << 20)
    results = bring(archive, huge)
    assert [r.outcome for r in results] == [Imported.NOT_DICOM, Imported.FAILED]
    assert "larger than" in results[1].detail
    assert files_below(archive.data / "incoming") == []
    assert sum(p.stat().st_size for p in files_below(archive.data)) < 10 << 20


def test_no_damage_to_a_zip_does_more_than_fail(archive: Archive, tmp_path: Path) -> None:
    whole = zipped(tmp_path / "a.zip", {f"{n}": part10(SOPInstanceUID=f"1.{n}") for n in range(3)}).read_bytes()
    dice = random.Random(5)
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(dice.randint(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        (tmp_path / "a.zip").write_bytes(bytes(data[: dice.choice([len(data), dice.randrange(len(data))])]))
        assert all(isinstance(r, ImportResult) for r in bring(archive, tmp_path / "a.zip"))
    assert files_below(archive.data / "incoming") == []
    assert archive.count(Query(Level.INSTANCE)) == 3


# ---- DICOMDIR


def _disc(folder: Path, references: list[list[str]] | None = None, *, lower: bool = False) -> Path:
    """A disc of three objects, with a directory that lists them or what is given."""
    names = [["PAT", f"IM{n}"] for n in range(3)]
    for n, parts in enumerate(names):
        write_file(folder.joinpath(*(p.lower() if lower else p for p in parts)), ct(SOPInstanceUID=f"1.{n}"))
    directory = Dataset()
    directory.SOPClassUID, directory.SOPInstanceUID = MediaStorageDirectoryStorage, "1.2.3"
    directory.DirectoryRecordSequence = [Dataset()]
    for parts in references or names:
        record = Dataset()
        record.ReferencedFileID = parts
        directory.DirectoryRecordSequence.append(record)
    return write_file(folder / ("dicomdir" if lower else "DICOMDIR"), directory)


@pytest.mark.parametrize("lower", [False, True])
def test_a_disc_is_imported_by_its_directory(archive: Archive, tmp_path: Path, lower: bool) -> None:
    dicomdir = _disc(tmp_path / "disc", lower=lower)
    (tmp_path / "disc" / "unlisted.txt").write_text("x")
    assert outcomes(archive, dicomdir) == [Imported.STORED] * 3


def test_a_directory_handed_over_under_another_name_is_no_object(archive: Archive, tmp_path: Path) -> None:
    _disc(tmp_path / "disc").rename(tmp_path / "x.dcm")
    assert outcomes(archive, tmp_path / "x.dcm") == [Imported.NOT_DICOM]
    assert MediaStorageDirectoryStorage in (tmp_path / "x.dcm").read_bytes().decode("latin-1")


@pytest.mark.parametrize("reference", ["..\\OUT", "/etc/passwd", "A\\..\\..\\OUT", "LINK\\OUT"])
@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")
def test_a_directory_may_not_point_outside(archive: Archive, tmp_path: Path, reference: str) -> None:
    dicomdir = _disc(tmp_path / "disc", [reference.split("\\")])
    write_file(tmp_path / "OUT", ct(SOPInstanceUID="1.9"))
    (tmp_path / "disc" / "LINK").symlink_to(tmp_path)
    with pytest.raises(InvalidObject, match="points outside its own folder"):
        bring(archive, dicomdir)


@pytest.mark.parametrize("data", [b"", b"text", bytes(132) + b"x"])
def test_a_directory_that_cannot_be_read_is_said(archive: Archive, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "DICOMDIR").write_bytes(data)
    with pytest.raises(InvalidObject, match="DICOMDIR: the DICOMDIR cannot be read"):
        bring(archive, tmp_path / "DICOMDIR")


def test_everything_in_the_wheel_of_pydicom_ends_somewhere(archive: Archive) -> None:
    folder = Path(str(get_testdata_file("CT_small.dcm", download=False))).parent
    files = sorted(p for p in folder.iterdir() if p.is_file() and p.suffix in (".dcm", "") and p.name != "DICOMDIR")
    counts = Counter(outcomes(archive, *files))
    assert counts[Imported.FAILED] == 0
    assert counts[Imported.STORED] == archive.count(Query(Level.INSTANCE))
    assert counts[Imported.STORED] > 30
    assert 0 < archive.quarantined_count() <= counts[Imported.QUARANTINED]


def test_everything_in_the_shared_data_ends_somewhere_shared_data(archive: Archive, shared_data: Path) -> None:
    files = [p for p in files_below(shared_data) if p.stat().st_size < 600_000][::3]
    counts = Counter(outcomes(archive, *files))
    assert counts[Imported.FAILED] == 0
    assert counts[Imported.STORED] == archive.count(Query(Level.INSTANCE))


def test_imports_side_by_side_store_everything_once(archive: Archive, tmp_path: Path) -> None:
    for n in range(20):
        write_file(tmp_path / "in" / f"{n}.dcm", ct(SOPInstanceUID=f"1.{n}"))
    found: list[Imported] = []
    threads = [threading.Thread(target=lambda: found.extend(outcomes(archive, tmp_path / "in"))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 60
    assert set(found) <= {Imported.STORED, Imported.ALREADY_STORED}
    assert len(files_below(archive.data / "archive")) == 20
