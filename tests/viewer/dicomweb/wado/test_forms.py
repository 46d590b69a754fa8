"""The choice of a form: what the standard's tables say, for every stored syntax."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.transcode import COMPRESSED, UNCOMPRESSED
from viewer.dicomweb.media_types import parse_accept
from viewer.dicomweb.wado.forms import (
    EXPLICIT_LITTLE,
    choose_frame_form,
    choose_object_form,
    frame_forms,
    is_video,
    media_type_of,
)

BASELINE, MPEG4 = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.102"
SYNTAXES = [*UNCOMPRESSED, *COMPRESSED, BASELINE, "1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.112"]


def frames(accept: str, stored: str, is_single: bool = True) -> tuple[str, str] | None:
    form = choose_frame_form(parse_accept(accept), stored, is_single)
    return None if form is None else (form.media_type.essence, form.transfer_syntax_uid)


@pytest.mark.parametrize("stored", SYNTAXES)
def test_the_default_is_uncompressed_in_parts(stored: str) -> None:
    for accept in ("*/*", "multipart/related", 'multipart/related; type="application/octet-stream"'):
        assert frames(accept, stored) == ("multipart/related", EXPLICIT_LITTLE)
    assert frames("application/octet-stream", stored) == ("application/octet-stream", EXPLICIT_LITTLE)
    assert frames("application/octet-stream", stored, is_single=False) is None


@pytest.mark.parametrize("stored", SYNTAXES)
def test_any_syntax_means_the_stored_one(stored: str) -> None:
    expected = EXPLICIT_LITTLE if stored in UNCOMPRESSED else stored
    for accept in ("multipart/related; type=application/octet-stream; transfer-syntax=*", "*/*; transfer-syntax=*"):
        assert frames(accept, stored) == ("multipart/related", expected)


@given(st.sampled_from(SYNTAXES), st.booleans())
def test_what_is_offered_is_given_when_asked_for(stored: str, is_single: bool) -> None:
    for form in frame_forms(stored, is_single):
        assert frames(str(form.media_type), stored, is_single) == (form.media_type.essence, form.transfer_syntax_uid)


@pytest.mark.parametrize(
    ("accept", "stored", "expected"),
    [
        ("image/jpeg", BASELINE, BASELINE),
        ("image/jpeg", EXPLICIT_LITTLE, "1.2.840.10008.1.2.4.70"),
        ("image/jp2", EXPLICIT_LITTLE, "1.2.840.10008.1.2.4.90"),
        ("image/jp2; transfer-syntax=1.2.840.10008.1.2.4.91", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91"),
        ("image/jls;q=0.5, image/jphc", EXPLICIT_LITTLE, "1.2.840.10008.1.2.4.201"),
        ("image/*", BASELINE, BASELINE),
        ("image/dicom-rle", BASELINE, "1.2.840.10008.1.2.5"),
    ],
)
def test_compressed_forms(accept: str, stored: str, expected: str) -> None:
    assert frames(accept, stored) == (media_type_of(expected), expected)


def test_nothing_is_made_lossy_and_video_has_no_frames() -> None:
    assert frames(f"image/jpeg; transfer-syntax={BASELINE}", EXPLICIT_LITTLE) is None
    assert frames("image/jxl", EXPLICIT_LITTLE) is None
    assert is_video(MPEG4)
    assert frames("*/*", MPEG4) is None


def objects(accept: str, *stored: str, bare: bool = False) -> tuple[str, str] | None:
    form = choose_object_form(parse_accept(accept), frozenset(stored), bare)
    return None if form is None else (form.media_type.essence, form.transfer_syntax_uid)


def test_whole_objects() -> None:
    assert objects("*/*", BASELINE) == ("multipart/related", EXPLICIT_LITTLE)
    dicom = 'multipart/related; type="application/dicom"'
    assert objects(dicom, BASELINE, EXPLICIT_LITTLE) == ("multipart/related", EXPLICIT_LITTLE)
    assert objects(f"{dicom}; transfer-syntax=*", BASELINE) == ("multipart/related", "*")
    assert objects(f"{dicom}; transfer-syntax={BASELINE}", BASELINE) == ("multipart/related", BASELINE)
    assert objects(f"{dicom}; transfer-syntax={BASELINE}", BASELINE, EXPLICIT_LITTLE) is None
    assert objects("application/dicom", BASELINE) is None
    assert objects("application/dicom; transfer-syntax=*", BASELINE, bare=True) == ("application/dicom", "*")
    assert objects("image/jpeg", BASELINE) is None
