from __future__ import annotations

import string
from typing import Any

import pytest

from storage.records.advice import LANGUAGES, WORDS, advice
from storage.records.remote import (
    How,
    Outcome,
    PeerTest,
    PeerTestReport,
    Phase,
    Problem,
    Pull,
    Push,
    QueryReport,
    RemoteQuery,
    RemoteStudy,
    Step,
    StepReport,
    TransferReport,
    Trouble,
    from_json,
    to_json,
)

FACTS = {"aet", "own_aet", "host", "port", "comment", "status", "count"}


@pytest.mark.parametrize(
    "value",
    [
        PeerTest("A", store=True),
        RemoteQuery("A", patient_name="Đức", first="20260101"),
        Pull("A", "1.2", How.MOVE, "Nguyễn Văn Đức"),
        Push("A", "1.2"),
        PeerTestReport(
            (StepReport(Step.ECHO, Outcome.FAILED, 0.5, Problem(Trouble.BUSY, {"comment": "x"})),), ("echo", "find")
        ),
        QueryReport((RemoteStudy("1.2", modalities=("CT", "SR"), number_of_series=None, number_of_instances=3),), True),
        TransferReport(Phase.CHECKING, None, 1, 2, 3, "C-GET", Problem(Trouble.LOST), 1.5),
    ],
)
def test_requests_and_reports_come_back_as_they_were(value: Any) -> None:
    assert from_json(type(value), to_json(value)) == value


def test_what_an_older_version_wrote_is_read() -> None:
    assert from_json(TransferReport, '{"done":3,"gone":1}') == TransferReport(done=3)
    with pytest.raises(ValueError, match="is no TransferReport"):
        from_json(TransferReport, "[]")


def test_percent() -> None:
    assert TransferReport(total=None).percent is None
    assert TransferReport(total=0).percent is None
    assert TransferReport(total=10, done=3, already=4, failed=2).percent == 70


@pytest.mark.parametrize("trouble", list(Trouble))
def test_every_trouble_has_words_in_each_language_with_known_facts_only(trouble: Trouble) -> None:
    assert len(WORDS[trouble]) == len(LANGUAGES)
    for failed, remedy in WORDS[trouble]:
        assert failed.strip()
        assert remedy.strip()
        named = {name for text in (failed, remedy) for _, name, _, _ in string.Formatter().parse(text) if name}
        assert named <= FACTS


def test_unknown_facts_read_as_question_marks_and_braces_in_facts_stay() -> None:
    words = advice(Problem(Trouble.STATUS, {"comment": "{aet}"}), "en")
    assert words.failed == "It answers with an error: ? {aet}."
    assert advice(Problem(Trouble.REFUSED, {"host": "pacs", "port": "104"}), "vi").failed.startswith("Máy pacs")
