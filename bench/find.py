"""C-FIND at a million studies, and beside Orthanc at twenty thousand."""

from __future__ import annotations

import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from bench import prefill, servers, work
from bench.report import Row
from bench.servers import Running, peer_environment
from pacs.data_sets import encode
from pacs.dimse import Command, CommandField, Tag
from pacs.requestor import Node, Proposal, Requestor
from storage.archive import INDEX_NAME
from storage.records import Peer, Records
from storage.warm import warm

_STUDY_ROOT = "1.2.840.10008.5.1.4.1.2.2.1"
_EXPLICIT = "1.2.840.10008.1.2.1"
AET = "BENCH"
_GOAL_SECONDS = 0.020
_PENDING = (0xFF00, 0xFF01)
STUDIES, PER_STUDY = 1_000_000, 5
SMALL_STUDIES = 20_000
_ROUNDS = 200
_FEW_ROUNDS = 20
_CANCEL_GOAL_SECONDS = 0.050
_CANCELLED = 0xFE00
_SEARCHING_SECONDS = 0.050
"""How long a search goes on before it is cancelled."""

# What is asked; `{}` changes from round to round, so that no answer comes from a cache.
QUESTIONS: Mapping[str, Mapping[str, str]] = {
    "by ID": {"PatientID": "BN{n:07}"},
    "by ID that nobody has": {"PatientID": "XX{n:07}"},
    "by date range": {"StudyDate": "20{y:02}{m:02}01-20{y:02}{m:02}28"},
    "by date range without studies": {"StudyDate": "19{y:02}{m:02}01-19{y:02}{m:02}28"},
    "by name prefix": {"PatientName": "NGUYEN*"},
    "by name prefix that nobody has": {"PatientName": "QX{n}*"},
    "by name prefix that is common elsewhere": {"PatientName": "THI*"},
    "by *thi* in the middle": {"PatientName": "*thi*"},
    "by a piece that nobody has": {"PatientName": "*qx{n}z*"},
    "by modality and date": {"ModalitiesInStudy": "CT", "StudyDate": "20{y:02}{m:02}01-20{y:02}{m:02}28"},
    "by a modality without studies and date": {"ModalitiesInStudy": "PT", "StudyDate": "20{y:02}0101-20{y:02}1231"},
}
# What Orthanc is asked beside us: it finds names with diacritics only by their letters as they are stored.
_AS_STORED: Mapping[str, Mapping[str, str]] = {
    **QUESTIONS,
    "by ID": {"PatientID": "THU-{n:07}"},
    "by name prefix": {"PatientName": "Nguyễn*"},
    "by name prefix that is common elsewhere": {"PatientName": "Thị*"},
    "by *thi* in the middle": {"PatientName": "*Thị*"},
    "by date range": {"StudyDate": "202{d}{m:02}01-202{d}{m:02}28"},
    "by modality and date": {"ModalitiesInStudy": "CT", "StudyDate": "202{d}{m:02}01-202{d}{m:02}28"},
}


_RARE: Mapping[str, Mapping[str, str]] = {
    "by a sex that nobody has": {"PatientSex": "X"},
    "by a study ID that nobody has": {"StudyID": "QX{n}"},
}
# What is cancelled: after how many answers, and a question that has many or that takes long to have none.
CANCELS: Mapping[str, tuple[int, Mapping[str, str]]] = {
    "after the first answer": (1, {"PatientName": "*thi*"}),
    "after 500 answers": (500, {"ModalitiesInStudy": "CT"}),
    "of a search that finds nothing": (0, {"PatientAge": "199Y"}),
}


def million() -> list[Row]:
    """Each question to an index of 1,000,000 studies and 5,000,000 instances: time to the first answer."""
    rows = [_sizes(_prepared())]
    with _at_a_million() as ask:
        for name, keys in {**QUESTIONS, **_RARE}.items():
            times = sorted(ask(filled(keys, i), 1).first for i in range(_ROUNDS))
            p95 = _p95(times)
            rows.append(Row(f"{STUDIES:,} studies, {name}", _shown(times), "p95 under 20 ms", p95 < _GOAL_SECONDS))
    return rows


def cancel() -> list[Row]:
    """C-CANCEL at 1,000,000 studies: the time from sending it to the final response, which has to be Cancel."""
    rows: list[Row] = []
    with _at_a_million() as ask:
        for name, (answers, keys) in CANCELS.items():
            asked = [ask(filled(keys, i), answers) for i in range(_ROUNDS // 2)]
            times = sorted(one.stopped for one in asked)
            ended = sum(one.status != _CANCELLED for one in asked)
            measured = _shown(times) + (f"; {ended} ended by themselves" if ended else "")
            good = _p95(times) < _CANCEL_GOAL_SECONDS and not ended
            rows.append(Row(f"C-CANCEL {name}", measured, "p95 under 50 ms", good))
    return rows


@contextmanager
def _at_a_million() -> Iterator[Ask]:
    data = _prepared()
    warm(data / INDEX_NAME, threading.Event())  # as `filmless serve` does at its start
    with Records.open(data) as records:
        if records.peers.by_aet(AET) is None:
            records.peers.add(Peer("bench", AET, "127.0.0.1", 104))
    with servers.filmless(data=data, receivers=1) as running, asking(running) as ask:
        yield ask


def _p95(times: Sequence[float]) -> float:
    """Return the time that 95 of 100 are below; `times` are sorted."""
    return times[int(len(times) * 0.95)]


def _shown(times: Sequence[float]) -> str:
    median = statistics.median(times)
    return f"p95 {_p95(times) * 1e3:.1f} ms (median {median * 1e3:.1f}, most {times[-1] * 1e3:.1f})"


def beside_orthanc() -> list[Row]:
    """The same questions to 20,000 studies here and in Orthanc, all answers read."""
    folder = work.many(SMALL_STUDIES)
    times: dict[str, dict[str, tuple[float, float]]] = {}
    numbers: dict[str, dict[str, int]] = {}
    for server in (servers.filmless, servers.orthanc):
        with server() as running:
            _send(running.port, folder)
            if running.name != "Orthanc":
                with Records.open(running.folder) as records:
                    records.peers.add(Peer("bench", AET, "127.0.0.1", 104))
            with asking(running) as ask:
                for name, keys in _AS_STORED.items():
                    took = [ask(filled(keys, i), None) for i in range(_FEW_ROUNDS)]
                    first = statistics.median(one.first for one in took)
                    times.setdefault(name, {})[running.name] = first, statistics.median(one.last for one in took)
                    numbers.setdefault(name, {})[running.name] = sum(one.answers for one in took)
    return [_beside(name, by_server, numbers[name]) for name, by_server in times.items()]


def _beside(name: str, times: Mapping[str, tuple[float, float]], numbers: Mapping[str, int]) -> Row:
    ours = next(server for server in times if server != "Orthanc")
    first, last = (theirs / us for us, theirs in zip(times[ours], times["Orthanc"], strict=True))
    shown = "; ".join(f"{who} {to[0] * 1e3:.1f} ms, all {to[1] * 1e3:.1f} ms" for who, to in times.items())
    agreed = numbers[ours] == numbers["Orthanc"]
    answers = f"{numbers[ours] / _FEW_ROUNDS:.0f} answers" if agreed else f"answers differ: {dict(numbers)}"
    return Row(
        f"{SMALL_STUDIES:,} studies, {name}",
        f"{first:.1f} x faster to the first response, {last:.1f} x to the last; {shown}; {answers}",
        "first response 5 x faster",
        agreed and first >= 5,
    )


def _prepared() -> Path:
    """The prefilled archive, kept between runs."""
    data = work.cache_folder() / f"index-{STUDIES * PER_STUDY}"
    if not (data / INDEX_NAME).exists():
        half = data.with_name(f"{data.name}.half")
        prefill.archive(half, STUDIES * PER_STUDY, per_study=PER_STUDY).rename(data)
    return data


def _sizes(data: Path) -> Row:
    size = (data / INDEX_NAME).stat().st_size
    each = (
        f"{size / STUDIES:.0f} bytes per study, {size / STUDIES / PER_STUDY:.0f} per instance of {PER_STUDY} in a study"
    )
    return Row("index size", f"{size / 1e9:.2f} GB: {each}", "printed", None)


def filled(keys: Mapping[str, str], i: int) -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.QueryRetrieveLevel = "STUDY"
    for keyword in ("StudyInstanceUID", "PatientName", "PatientID", "StudyDate", "StudyTime", "ModalitiesInStudy"):
        setattr(ds, keyword, "")
    for keyword, value in keys.items():
        setattr(ds, keyword, value.format(n=i * 37, y=16 + i % 9, d=1 + i % 5, m=1 + i % 12))
    return ds


@dataclass(frozen=True, slots=True)
class Asked:
    """How long it took to the first response and to the last, in seconds, and how many answers came."""

    first: float
    last: float
    answers: int
    status: int = 0
    """Of the last response."""
    stopped: float = 0.0
    """Seconds from a cancel to the last response."""


Ask = Callable[[Dataset, int | None], Asked]


@contextmanager
def asking(running: Running) -> Iterator[Ask]:
    node = Node("ANY", "127.0.0.1", running.port)
    with Requestor(node, AET, [Proposal(_STUDY_ROOT, (_EXPLICIT,))]) as requestor:
        (context,) = requestor.contexts

        def ask(identifier: Dataset, enough: int | None) -> Asked:
            """Ask one question; cancel after `enough` answers, after a while for 0, never for None."""
            return _ask(requestor, context.context_id, identifier, enough)

        yield ask


def _ask(requestor: Requestor, context_id: int, identifier: Dataset, enough: int | None) -> Asked:
    message_id = requestor.next_message_id()
    request: Command = {
        Tag.AFFECTED_SOP_CLASS_UID: _STUDY_ROOT,
        Tag.COMMAND_FIELD: CommandField.C_FIND_RQ,
        Tag.MESSAGE_ID: message_id,
        Tag.PRIORITY: 0,
        Tag.COMMAND_DATA_SET_TYPE: 1,
    }
    cancel: Command = {
        Tag.COMMAND_FIELD: CommandField.C_CANCEL_RQ,
        Tag.MESSAGE_ID_BEING_RESPONDED_TO: message_id,
        Tag.COMMAND_DATA_SET_TYPE: 0x0101,
    }
    data = encode(identifier, _EXPLICIT)
    began = time.perf_counter()
    requestor.send(context_id, request, data)
    first, number, cancelled = 0.0, 0, 0.0
    if enough == 0:
        requestor.has_answer(_SEARCHING_SECONDS)
        cancelled = time.perf_counter()
        requestor.send(context_id, cancel)
    while True:
        response, _ = requestor.receive()
        number += 1
        now = time.perf_counter()
        first = first or now - began
        status = int(response[Tag.STATUS])
        if status not in _PENDING:
            return Asked(first, now - began, number - 1, status, now - cancelled if cancelled else 0.0)
        if number == enough:
            cancelled = time.perf_counter()
            requestor.send(context_id, cancel)


def _send(port: int, folder: Path) -> None:
    command = ["storescu", "+sd", "+r", "127.0.0.1", str(port), str(folder)]
    subprocess.run(
        command, env=peer_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
    )  # fmt: skip


CASES: dict[str, Callable[[], list[Row]]] = {"million": million, "cancel": cancel, "orthanc": beside_orthanc}
