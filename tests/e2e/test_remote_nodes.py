"""An administrator connects another archive, a doctor queries it, fetches a study and sends one: real processes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.support.archives import RemoteArchive, orthanc
from tests.support.browser import ANSWER_MS, chromium, watch
from tests.support.objects import STUDY, ct, write_file
from tests.support.peers import run_tool
from tests.support.server import PASSWORD, USER, Serving, filmless, serving

ADMIN = "admin"
OWN_STUDY = STUDY + ".7"
OBJECTS = 6
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}
DESK = {"viewport": {"width": 1366, "height": 768}}
WORDS = {
    "vi": {
        "works": "Kết nối tốt.",
        "fetch": "Lấy về",
        "complete": "Hoàn tất",
        "here": "đã có",
        "counts": f"{OBJECTS}/{OBJECTS} ảnh",
        "refused": "không có chương trình nào nghe",
    },
    "en": {
        "works": "The connection works.",
        "fetch": "Fetch",
        "complete": "Complete",
        "here": "here",
        "counts": f"{OBJECTS} of {OBJECTS} images",
        "refused": "nothing listens on port",
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("serve")) as running:
        added = filmless(
            "user", "add", ADMIN, "--role", "admin", "--password-stdin", "--data", running.data, stdin=PASSWORD
        )
        assert added.returncode == 0, added.stderr
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.fixture
def other(server: Serving, tmp_path: Path) -> Iterator[RemoteArchive]:
    """Orthanc with a study; it knows us."""
    with orthanc(tmp_path / "orthanc", {"filmless": ["FILMLESS", "127.0.0.1", server.dicom_port]}) as remote:
        yield remote


def _study(folder: Path, study: str, patient_id: str) -> list[Path]:
    return [
        write_file(
            folder / f"{n}.dcm",
            ct(
                StudyInstanceUID=study, SeriesInstanceUID=f"{study}.{n % 2}", SOPInstanceUID=f"{study}.{n % 2}.{n}",
                PatientID=patient_id, InstanceNumber=n + 1,
            ),
        )
        for n in range(OBJECTS)
    ]  # fmt: skip


def _sign_in(context: BrowserContext, server: Serving, name: str) -> Page:
    page = context.new_page()
    page.set_default_timeout(ANSWER_MS)
    page.goto(server.address)
    page.fill("input[name=username]", name)
    page.fill("input[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(server.address + "/")
    return page


def _fits(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{page.url} scrolls sideways"


def _add_peer(page: Page, server: Serving, name: str, port: int) -> None:
    page.goto(f"{server.address}/peers")
    _fits(page)
    page.locator('a[href="/peers/add"]').first.click()
    page.fill("#name", name)
    page.fill("#aet", "ORTHANC")
    page.fill("#host", "127.0.0.1")
    page.fill("#port", str(port))
    _fits(page)
    page.locator("form.form button.primary").click()
    page.wait_for_url(re.compile("/peers/test"))


def _a_wrong_port_is_told(page: Page, server: Serving, name: str, words: dict[str, str]) -> None:
    """The test of a peer says what fails and what to change."""
    _add_peer(page, server, name, 1)
    page.uncheck("input[name=store]")
    page.locator("form.form button.primary").click()
    expect(page.locator('[data-step="connect"]')).to_have_attribute("data-outcome", "failed")
    expect(page.locator("#result")).to_contain_text(words["refused"])


def _with_the_right_one_it_works(
    page: Page, server: Serving, other: RemoteArchive, name: str, words: dict[str, str]
) -> None:
    page.goto(f"{server.address}/peers/change?name={name.replace(' ', '+')}")
    page.fill("#port", str(other.port))
    page.locator("form.form button.primary").click()
    page.wait_for_url(server.address + "/peers")
    page.locator('tr[data-aet="ORTHANC"] a[href^="/peers/test"]').click()
    page.check("input[name=store]")
    page.locator("form.form button.primary").click()
    for step in ("connect", "echo", "find", "store"):
        expect(page.locator(f'[data-step="{step}"]')).to_have_attribute("data-outcome", "ok")
    expect(page.locator("#result")).to_contain_text(words["works"])
    _fits(page)


def _a_study_is_fetched(page: Page, server: Serving, patient: str, study: str, words: dict[str, str]) -> None:
    """Query, fetch, and see that it is here."""
    page.goto(f"{server.address}/remote")
    page.fill("input[name=id]", patient)
    page.locator("form.query button.primary").click()
    found = page.locator(f'tr[data-uid="{study}"]')
    expect(found).to_contain_text("Nguyễn Văn Đức")
    _fits(page)
    found.get_by_role("button", name=words["fetch"]).click()
    expect(found.locator('[data-here="whole"]')).to_contain_text(words["here"])


def _a_study_is_sent(page: Page, server: Serving, study: str, words: dict[str, str]) -> None:
    page.goto(f"{server.address}/send?study={study}")
    _fits(page)
    page.locator('input[name="peer"]').first.check()
    page.locator("form.form button.primary").click()
    page.wait_for_url(server.address + "/transfers")
    sent = page.locator(".transfers li").first
    expect(sent).to_contain_text(words["complete"])
    expect(sent).to_contain_text(words["counts"])
    _fits(page)


def _the_peer_is_removed(page: Page, server: Serving, name: str) -> None:
    page.goto(f"{server.address}/peers/change?name={name.replace(' ', '+')}")
    page.locator("details.danger summary").click()
    page.locator("button.bad").click()
    page.wait_for_url(server.address + "/peers")
    expect(page.locator('tr[data-aet="ORTHANC"]')).to_have_count(0)


@pytest.mark.parametrize(("language", "screen"), [("vi", DESK), ("en", DESK), ("vi", PHONE)])
def test_a_peer_is_added_tested_queried_pulled_from_and_pushed_to(
    server: Serving, browser: Browser, other: RemoteArchive, tmp_path: Path, language: str, screen: dict[str, object]
) -> None:
    words = WORDS[language]
    at = f"{language}{'p' if screen is PHONE else 'd'}"
    name = f"Kho {at}"
    theirs = f"{STUDY}.{100 + sorted(('vid', 'end', 'vip')).index(at)}"
    ours = f"{OWN_STUDY}.{int(at.encode().hex(), 16)}"
    run_tool("storescu", "-aec", "ORTHANC", "127.0.0.1", other.port, *_study(tmp_path / "theirs", theirs, at))
    context = browser.new_context(locale=language, **screen)  # type: ignore[arg-type]
    page = _sign_in(context, server, ADMIN)
    wrong = watch(page)
    _a_wrong_port_is_told(page, server, name, words)
    _with_the_right_one_it_works(page, server, other, name, words)
    assert len(other.rest("instances")) == OBJECTS + 1
    _a_study_is_fetched(page, server, at, theirs, words)
    run_tool("storescu", "-aec", "FILMLESS", "127.0.0.1", server.dicom_port, *_study(tmp_path / "ours", ours, "own"))
    _a_study_is_sent(page, server, ours, words)
    assert len(other.rest("instances")) == 2 * OBJECTS + 1
    assert wrong == []
    _the_peer_is_removed(page, server, name)
    context.close()


def test_a_study_is_sent_from_the_list(server: Serving, browser: Browser, tmp_path: Path) -> None:
    run_tool("storescu", "-aec", "FILMLESS", "127.0.0.1", server.dicom_port, *_study(tmp_path / "o", OWN_STUDY, "list"))
    context = browser.new_context(locale="en", **DESK)  # type: ignore[arg-type]
    page = _sign_in(context, server, USER)
    row = page.locator(f'tr[data-uid="{OWN_STUDY}"]')
    row.locator(".expand").click()
    page.get_by_role("link", name="Send to…").first.click()
    expect(page.locator("h1")).to_have_text("Send a study")
    expect(page.locator(".study-facts")).to_contain_text("Nguyễn Văn Đức")
    assert page.goto(f"{server.address}/peers").status == 403  # type: ignore[union-attr]
    context.close()
