"""The study list: what is found, in which order, and how it reads."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date

import pytest
from flask import Flask
from flask.testing import FlaskClient

from storage.archive import Archive
from storage.errors import StorageError
from storage.quarantine import Reason
from storage.records import Role
from tests.support.objects import ct, store
from tests.support.web import HTML
from viewer.display import size
from viewer.pages.quarantine import reasons
from viewer.study_search import Search, parse


def put(archive: Archive, number: int, **attributes: object) -> str:
    """Store one study of one image; return its UID."""
    uid = f"1.2.826.0.1.3680043.10.999.{number}"
    more = {"StudyInstanceUID": uid, "SeriesInstanceUID": f"{uid}.1", "SOPInstanceUID": f"{uid}.1.1"}
    store(archive, ct(**{**more, **attributes}))
    return uid


def shown(client: FlaskClient, address: str = "/") -> list[str]:
    """The UIDs of the rows, as last number only."""
    return re.findall(r'data-uid="[\d.]+\.(\d+)"', client.get(address, headers=HTML).text)


@pytest.fixture
def three(archive: Archive) -> None:
    put(archive, 1, PatientName="Nguyễn^Văn^Đức", PatientID="BN001", AccessionNumber="A1", StudyDate="20260101")
    put(archive, 2, PatientName="Trần^Thị^Hoa", PatientID="BN002", AccessionNumber="B7", StudyDate="20260115")
    put(
        archive, 3, PatientName="Le^An", PatientID="X-77", AccessionNumber="C3", StudyDate="20251231", Modality="US"
    )  # fmt: skip


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("/", ["2", "1", "3"]),
        ("/?q=nguyen+duc", ["1"]),
        ("/?q=ĐỨC+nguyễn", ["1"]),
        ("/?q=duc^van", ["1"]),
        ("/?q=BN00", ["2", "1"]),
        ("/?q=c3", ["3"]),
        ("/?q=hoa+bn001", []),
        ("/?from=2026-01-01", ["2", "1"]),
        ("/?to=2026-01-01", ["1", "3"]),
        ("/?from=2026-01-01&to=2026-01-01", ["1"]),
        ("/?modality=US", ["3"]),
        ("/?modality=US&modality=CT", ["2", "1", "3"]),
        ("/?sort=date", ["3", "1", "2"]),
        ("/?sort=name", ["3", "1", "2"]),
        ("/?sort=-id", ["3", "2", "1"]),
        ("/?sort=accession", ["1", "2", "3"]),
        ("/?sort=drop+table&page=-4&from=99&modality=%27", ["2", "1", "3"]),
        ("/?q=%27%3B+drop+table+studies", []),
        ("/?q=%25", []),
        ("/?page=999", ["2", "1", "3"]),
    ],
)
def test_search_and_order(client: FlaskClient, address: str, expected: list[str]) -> None:
    assert shown(client, address) == expected
    assert shown(client, address.replace("/?", "/studies/rows?")) == expected


def test_pages_are_stable_and_complete(client: FlaskClient, archive: Archive) -> None:
    for number in range(10, 65):
        put(archive, number, StudyDate="20260101", StudyTime="0800")
    pages = [shown(client, f"/?page={page}") for page in (1, 2)]
    assert [len(page) for page in pages] == [50, 5]
    assert sorted(pages[0] + pages[1]) == sorted(str(n) for n in range(10, 65))
    assert "1–50 trên 55" in client.get("/", headers=HTML).text
    assert "51–55 trên 55" in client.get("/?page=2", headers=HTML).text


def test_a_row_reads_as_people_write(client: FlaskClient, archive: Archive) -> None:
    put(archive, 1, StudyTime="081500.250")
    page = client.get("/", headers=HTML).text
    for text in ("Nguyễn Văn Đức", "31/01/2026", "08:15", "02/01/1970", ">nam<", "CT ngực"):
        assert text in page


def test_an_empty_archive_tells_how_to_connect(client: FlaskClient) -> None:
    page = client.get("/", headers=HTML).text
    assert "Kết nối máy chụp đầu tiên" in page
    for value in ("TESTAET", "localhost", ">1<"):
        assert value in page


@pytest.mark.usefixtures("three")
def test_nothing_found_says_so(client: FlaskClient) -> None:
    page = client.get("/?q=zzz", headers=HTML).text
    assert "Không tìm thấy" in page
    assert "Kết nối máy chụp đầu tiên" not in page


def test_conflicting_patients_are_marked_and_listed(client: FlaskClient, archive: Archive) -> None:
    put(archive, 1, PatientName="Nguyễn^Văn^Đức")
    put(archive, 2, PatientName="Phạm^Thu")
    put(archive, 3, PatientID="other")
    assert client.get("/", headers=HTML).text.count("mâu thuẫn</span>") == 2
    page = client.get("/quarantine", headers=HTML).text
    assert "BN001" in page
    assert "Phạm Thu" in page


def test_refused_objects_are_listed_with_their_reason(archive: Archive, sign_in: Callable[[Role], FlaskClient]) -> None:
    with pytest.raises(StorageError) as refused:
        store(archive, b"no dicom at all", sop_class_uid="1.2", sop_instance_uid="1.2.3")
    client = sign_in(Role.TECHNICIAN)
    page = client.get("/quarantine", headers=HTML).text
    assert str(refused.value)[:40] in page or "1.2.3" in page
    assert "Không đọc được" in page, "in the person's words"
    assert "Hãy gửi lại" in page, "with what helps"
    assert '<span class="count">1</span>' in client.get("/", headers=HTML).text


def test_every_reason_has_words_and_advice(app: Flask) -> None:
    with app.test_request_context(headers={"Accept-Language": "vi"}):
        told = reasons()
    assert set(told) == {reason.value for reason in Reason}
    assert all(said and advice and said.isascii() is False for said, advice in told.values())


def test_sizes_have_the_decimal_sign_of_the_language(app: Flask) -> None:
    for language, written in (("vi", "39,1 KB"), ("en", "39.1 KB")):
        with app.test_request_context(headers={"Accept-Language": language}):
            assert size(39_100) == written


def test_script_in_any_attribute_is_only_text(client: FlaskClient, archive: Archive) -> None:
    script = '"><script>alert(1)</script>'
    uid = put(
        archive, 1, PatientName=script, PatientID=script, StudyDescription=script, SeriesDescription=script,
        AccessionNumber='"><script>', InstitutionName=script, ReferringPhysicianName=script,
    )  # fmt: skip
    for address in ("/", f"/study/{uid}", "/quarantine", "/?q=%22%3E%3Cscript%3Ealert(1)"):
        page = client.get(address, headers=HTML).text
        assert "<script>alert" not in page
        assert '"><script>' not in page
    told = client.get(f"/study/{uid}/series")
    assert told.mimetype == "application/json"
    assert told.json["series"][0]["description"] == script


def test_a_nearly_full_disk_is_announced(app_nearly_full: FlaskClient) -> None:
    assert "Ổ đĩa gần đầy" in app_nearly_full.get("/", headers=HTML).text


@pytest.fixture
def app_nearly_full(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    monkeypatch.setattr(Archive, "accepting", lambda self: False)
    return client


# --- the search itself ---------------------------------------------------------------------------------------------


def test_a_search_survives_its_own_address() -> None:
    search = Search("Đức <b>", date(2026, 1, 2), date(2026, 2, 3), ("CT", "MR"), "-name", 3)
    from urllib.parse import parse_qs, urlsplit

    assert parse(parse_qs(urlsplit(search.address()).query)) == search
    assert Search().address() == "/"


def test_quick_buttons_turn_on_and_off() -> None:
    today = date(2026, 3, 10)
    week = Search(page=4).with_quick("7d", today)
    assert (week.first, week.last, week.page) == (date(2026, 3, 4), None, 1)
    assert week.quick(today) == "7d"
    assert week.with_quick("7d", today) == Search()


def test_sorting_twice_turns_round() -> None:
    assert Search().with_sort("name").sort == "name"
    assert Search(sort="name").with_sort("name").sort == "-name"
    assert Search(sort="name").with_sort("date").sort == "-date"
    assert Search(sort="-date").with_sort("date").sort == "date"


def test_modalities_are_put_in_and_taken_out() -> None:
    assert Search(modalities=("CT",)).with_modality("MR").modalities == ("CT", "MR")
    assert Search(modalities=("CT", "MR")).with_modality("CT").modalities == ("MR",)


@pytest.mark.parametrize("page", ["0", "-1", "x", "", "99999999999999999999", "²"])
def test_a_strange_page_number_is_a_page(page: str) -> None:
    assert 1 <= parse({"page": [page]}).page <= 10_000
