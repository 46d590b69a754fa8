"""Answers encoded by hand are what pydicom writes."""

from __future__ import annotations

import io
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from pacs import data_sets, identifier
from pacs.answers import Encoder
from pacs.contexts import FIND_CLASSES
from pacs.identifier import Options
from storage.answers import Answer

KEYS = {
    "PatientName": "", "PatientID": "", "StudyInstanceUID": "", "StudyDate": "", "StudyTime": "",
    "StudyDescription": "", "ModalitiesInStudy": "", "NumberOfStudyRelatedInstances": "", "SOPClassesInStudy": "",
    "ReferringPhysicianName": "",
}  # fmt: skip
ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126, exclude_characters="\\"), max_size=12)
ANY = st.text(st.characters(min_codepoint=32, exclude_categories=["C"], exclude_characters="\\"), max_size=12)
SEVERAL = st.lists(st.text("ABCT ", max_size=4), max_size=3).map("\\".join)
VALUES = st.fixed_dictionaries(
    {
        "PatientName": st.one_of(ANY, st.lists(ANY, max_size=3).map("=".join), st.lists(ANY, max_size=5).map("^".join)),
        "PatientID": st.one_of(ANY, st.none()),
        "StudyInstanceUID": st.just("1.2.3"),
        "StudyDate": ASCII,
        "StudyTime": ASCII,
        "StudyDescription": st.lists(ANY, max_size=2).map("\\".join),
        "ModalitiesInStudy": SEVERAL,
        "NumberOfStudyRelatedInstances": st.one_of(st.integers(0, 100_000), st.none()),
        "SOPClassesInStudy": st.sampled_from(["1.2.840.10008.5.1.4.1.1.2", "1.2\\1.23", ""]),
        "ReferringPhysicianName": ANY,
    }
)
SETS = st.sampled_from(["", "ISO_IR 100", "ISO_IR 192", "GB18030", "ISO_IR 166", "ISO 2022 IR 87", "NONSENSE"])


def _request(character_set: str, **keys: str) -> identifier.Request:
    ds = Dataset()
    ds.QueryRetrieveLevel = "STUDY"
    for keyword, value in keys.items():
        setattr(ds, keyword, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if character_set:
            ds.SpecificCharacterSet = character_set
        return identifier.parse(ds, FIND_CLASSES[1], Options())


def _slow(request: identifier.Request, found: Answer, syntax: str) -> bytes:
    return data_sets.encode(identifier.answer(request, found, Dataset(), "FILMLESS"), syntax)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@given(values=VALUES, character_set=SETS)
def test_the_short_way_writes_what_the_long_way_does(syntax: str, values: dict[str, str], character_set: str) -> None:
    request, found = _request(character_set, **KEYS), Answer(values)
    assert Encoder(request, "FILMLESS", syntax).encode(found, Dataset()) == _slow(request, found, syntax)


@pytest.mark.parametrize("syntax", [ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_other_syntaxes_go_the_long_way(syntax: str) -> None:
    request, found = _request("", PatientName="", PatientID=""), Answer({"PatientName": "Đ", "PatientID": "1"})
    ds = data_sets.decode(Encoder(request, "FILMLESS", syntax).encode(found, Dataset()), syntax)
    assert (str(ds.PatientName), ds.RetrieveAETitle) == ("Đ", "FILMLESS")


@pytest.mark.filterwarnings("ignore:The value for the data element")
def test_a_value_too_long_for_a_short_length_goes_the_long_way() -> None:
    request, found = _request("", StudyDescription=""), Answer({"StudyDescription": "x" * 70_000})
    data = Encoder(request, "FILMLESS", ExplicitVRLittleEndian).encode(found, Dataset())
    assert data == _slow(request, found, ExplicitVRLittleEndian)


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_what_no_character_set_can_hold_in_codes_and_dates_becomes_question_marks(syntax: str) -> None:
    request = _request("", ModalitiesInStudy="", StudyDate="")
    data = Encoder(request, "FILMLESS", syntax).encode(
        Answer({"ModalitiesInStudy": "CT\\Đ", "StudyDate": "二"}), Dataset()
    )
    ds = read_dataset(io.BytesIO(data), False, syntax == ExplicitVRLittleEndian)
    assert (list(ds.ModalitiesInStudy), ds.StudyDate) == (["CT", "?"], "?")


def test_a_wrong_vr_of_the_peer_is_not_repeated() -> None:
    # (0010,0010) as IS, in explicit VR: a number that is none.
    ds = data_sets.decode(b"\x08\x00\x52\x00CS\x06\x00STUDY \x10\x00\x10\x00IS\x00\x00", ExplicitVRLittleEndian)
    request = identifier.parse(ds, FIND_CLASSES[1], Options())
    data = Encoder(request, "FILMLESS", ExplicitVRLittleEndian).encode(Answer({"PatientName": "A^B"}), Dataset())
    assert b"\x10\x00\x10\x00PN\x04\x00A^B " in data
