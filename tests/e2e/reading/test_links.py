"""Slow links: images travel packed, and are the same to the last bit."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from sample_dicom import studies_folder
from tests.support.reading import frames_asked, reader, seem_fast, study_of
from tests.support.web import Server

# Bytes in a second: the pace of a link is judged after a while, so the small study has to take that long.
SLOW = {"ct-chest": 1e6, "mr-brain": 2.5e5}

_SUMS = """() => {
  const { series } = window.filmless.cell;
  return Array.from({ length: series.total }, (_, i) => {
    const { values } = series.picture(i);
    let sum = 0;
    for (let j = 0; j < values.length; j++) sum = (Math.imul(sum, 31) + values[j]) | 0;
    return `${values.constructor.name} ${values.length} ${sum}`;
  });
}"""


def _values(browser: Browser, samples: Server, name: str, *, slow: bool) -> tuple[list[str], list[str]]:
    """Sums over the images of the first series, and the addresses that they came from."""
    with reader(browser, samples) as room:
        asked: list[str] = []
        if not slow:
            seem_fast(room.page)
        room.page.on("request", lambda request: asked.append(request.url))
        if slow:
            session = room.page.context.new_cdp_session(room.page)
            session.send("Network.enable")
            link = {"offline": False, "latency": 20, "downloadThroughput": SLOW[name], "uploadThroughput": SLOW[name]}
            session.send("Network.emulateNetworkConditions", link)
        room.open(study_of(studies_folder() / name))
        assert room.wrong == []
        own = f"{room.data('series')}/stream?"
        return room.page.evaluate(_SUMS), [url for url in asked if own in url]


@pytest.mark.parametrize("name", SLOW)
def test_packed_images_are_the_stored_ones(browser: Browser, samples: Server, name: str) -> None:
    packed, by_packed = _values(browser, samples, name, slow=True)
    stored, by_stored = _values(browser, samples, name, slow=False)
    # The page itself came slowly: the link is known before the first image.
    assert "encoding=jpegls" in by_packed[0], by_packed
    places = [frames_asked(url) for url in by_packed if "encoding=jpegls" in url]
    assert set().union(*places) == set(range(len(packed)))
    # A computer that is busy with other tests may seem a slow network later on.
    assert "encoding=" not in by_stored[0], by_stored
    assert packed == stored
