"""A study as a zip: whole, with safe names, and a DICOMDIR that other readers follow."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from pydicom.fileset import FileSet

from storage.archive import Archive
from storage.dicomdir import type_of
from storage.records import Role
from tests.support.objects import ct, store
from tests.support.parts import of_pydicom
from tests.support.peers import run_tool
from viewer import zip_file
from viewer.streaming import FileSpan, read
from viewer.zip_file import Member

STUDY = "1.2.3"


@pytest.fixture
def study(archive: Archive) -> dict[str, bytes]:
    """Two series whose texts try to lead elsewhere; by SOP Instance UID their files."""
    for s, i in ((1, 1), (1, 2), (2, 1)):
        ds = ct(StudyInstanceUID=STUDY, SeriesInstanceUID=f"{STUDY}.{s}", SOPInstanceUID=f"{STUDY}.{s}.{i}",
                SeriesNumber=s, InstanceNumber=i, SeriesDescription="../../etc", PatientID="..\\x")  # fmt: skip
        store(archive, ds)
    found = [archive.instance(f"{STUDY}.{s}.{i}") for s, i in ((1, 1), (1, 2), (2, 1))]
    return {one.sop_instance_uid: one.path.read_bytes() for one in found}


def opened(dicomdir: Path) -> FileSet:
    medium = FileSet(dicomdir)
    # Where pydicom would put what is to be added; left alone it warns when it is collected.
    medium._stage["t"].cleanup()
    return medium


def zipped(client: FlaskClient, path: str = STUDY) -> zipfile.ZipFile:
    answer = client.get(f"/dicom-web/studies/{path}", headers={"Accept": "application/zip"})
    assert answer.status_code == 200, answer.data
    assert answer.mimetype == "application/zip"
    assert f'filename="{STUDY}.zip"' in answer.headers["Content-Disposition"]
    assert int(answer.headers["Content-Length"]) == len(answer.data)
    return zipfile.ZipFile(io.BytesIO(answer.data))


def test_objects_and_a_directory_that_pydicom_follows(
    client: FlaskClient, study: dict[str, bytes], tmp_path: Path
) -> None:
    archive = zipped(client)
    assert archive.testzip() is None
    assert sorted(archive.namelist()) == [
        "DICOM/S0000001/I0000001", "DICOM/S0000001/I0000002", "DICOM/S0000002/I0000001", "DICOMDIR"
    ]  # fmt: skip
    archive.extractall(tmp_path / "medium")
    medium = opened(tmp_path / "medium" / "DICOMDIR")
    found = {one.SOPInstanceUID: Path(one.path).read_bytes() for one in medium}
    assert found == study
    assert medium.find_values("PatientName") == ["Nguyễn^Văn^Đức"]
    assert sorted(medium.find_values("SeriesNumber")) == [1, 2]
    series = zipped(client, f"{STUDY}/series/{STUDY}.2")
    assert sorted(series.namelist()) == ["DICOM/S0000001/I0000001", "DICOMDIR"]


def test_dcmtk_reads_the_directory_and_the_objects(
    client: FlaskClient, study: dict[str, bytes], tmp_path: Path
) -> None:
    zipped(client).extractall(tmp_path / "medium")
    told = run_tool("dcmdump", "-q", tmp_path / "medium" / "DICOMDIR").stdout
    assert told.count("(0004,1430) CS [IMAGE]") == len(study)
    for uid in study:
        assert f"(0004,1511) UI [{uid}]" in told
    files = re.findall(r"\(0004,1500\) CS \[(.+?)\]", told)
    assert sorted(files) == [r"DICOM\S0000001\I0000001", r"DICOM\S0000001\I0000002", r"DICOM\S0000002\I0000001"]
    for file in files:
        path = (tmp_path / "medium").joinpath(*file.split("\\"))
        assert "(7fe0,0010)" in run_tool("dcmdump", "-q", path).stdout


def test_a_zip_may_be_kept_while_the_study_is_the_same(
    client: FlaskClient, archive: Archive, study: dict[str, bytes]
) -> None:
    address, wanted = f"/dicom-web/studies/{STUDY}", {"Accept": "application/zip"}
    first = client.get(address, headers=wanted)
    assert client.get(address, headers=wanted).data == first.data
    known = {**wanted, "If-None-Match": first.headers["ETag"]}
    assert client.get(address, headers=known).status_code == 304
    store(archive, ct(StudyInstanceUID=STUDY, SeriesInstanceUID=f"{STUDY}.2", SOPInstanceUID=f"{STUDY}.2.2"))
    assert client.get(address, headers=known).status_code == 200


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["reportsi.dcm", "rtplan.dcm", "waveform_ecg.dcm", "rtdose.dcm", "CT_small.dcm"])
def test_objects_of_every_kind_are_listed(client: FlaskClient, archive: Archive, tmp_path: Path, name: str) -> None:
    instance = of_pydicom(archive, name)
    answer = client.get(f"/dicom-web/studies/{instance.study_instance_uid}", headers={"Accept": "application/zip"})
    zipfile.ZipFile(io.BytesIO(answer.data)).extractall(tmp_path / "medium")
    (found,) = opened(tmp_path / "medium" / "DICOMDIR")
    assert found.SOPInstanceUID == instance.sop_instance_uid
    assert found.DirectoryRecordType == type_of(instance.sop_class_uid)
    assert Path(found.path).read_bytes() == instance.path.read_bytes()


@given(contents=st.lists(st.binary(max_size=5000), max_size=6), use_file=st.booleans())
def test_a_zip_reads_back(tmp_path_factory: pytest.TempPathFactory, contents: list[bytes], use_file: bool) -> None:
    folder = tmp_path_factory.mktemp("z")
    members = []
    for i, content in enumerate(contents):
        (folder / str(i)).write_bytes(b"xx" + content)
        piece = FileSpan(folder / str(i), 2, len(content)) if use_file else content
        members.append(Member(f"ngực/{i}", piece))
    data = b"".join(map(read, zip_file.pieces(members)))
    assert len(data) == zip_file.length(members)
    with zipfile.ZipFile(io.BytesIO(data)) as back:
        assert [back.read(f"ngực/{i}") for i in range(len(contents))] == contents


def test_large_and_many_members_are_told_in_zip64(tmp_path: Path) -> None:
    """A sparse file of 5 GB is listed with its true size; 70,000 names are all there."""
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(5 << 30)
    members = [Member("large", FileSpan(large, 0, 5 << 30)), Member("small", b"s")]
    checksum = zlib.crc32(b"s")
    central = zip_file._central(members[1], checksum, 5 << 30)
    assert struct.unpack_from("<HHQ", central, len(central) - 12) == (1, 8, 5 << 30)
    local = zip_file._local(members[0], 0)
    assert struct.unpack_from("<HHQQ", local, len(local) - 20) == (1, 16, 5 << 30, 5 << 30)
    many = [Member(str(i), b"") for i in range(70_000)]
    data = b"".join(map(read, zip_file.pieces(many)))
    assert len(data) == zip_file.length(many)
    with zipfile.ZipFile(io.BytesIO(data)) as back:
        assert len(back.namelist()) == 70_000


def test_the_study_page_links_to_it(sign_in: Callable[[Role], FlaskClient], study: dict[str, bytes]) -> None:
    link = f"/dicom-web/studies/{STUDY}?accept=application/zip"
    radiologist, clinician = sign_in(Role.RADIOLOGIST), sign_in(Role.CLINICIAN)
    page = radiologist.get(f"/study/{STUDY}/light").get_data(as_text=True)
    assert link in page.replace("%2F", "/")
    # As a browser follows it, which accepts pages and then anything.
    answer = radiologist.get(link, headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert answer.mimetype == "application/zip"
    assert link not in clinician.get(f"/study/{STUDY}/light").get_data(as_text=True).replace("%2F", "/")
    assert clinician.get(link).status_code == 403


def test_single_files_go_on_where_they_broke_off(client: FlaskClient, study: dict[str, bytes]) -> None:
    uid, data = next(iter(study.items()))
    address = f"/study/{STUDY}/instances/{uid}/file"
    whole = client.get(address)
    assert whole.data == data
    rest = client.get(address, headers={"Range": "bytes=100-", "If-Range": whole.headers["ETag"]})
    assert (rest.status_code, rest.data) == (206, data[100:])
    assert client.get(address, headers={"If-None-Match": whole.headers["ETag"]}).status_code == 304
