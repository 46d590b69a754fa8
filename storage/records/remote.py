"""What is asked of remote nodes, and what came of it: the words that `viewer` and the job worker share.

Each is frozen and travels as JSON: what is asked is a job's payload, what came of it is its report.
"""

from __future__ import annotations

import json
import types
from dataclasses import dataclass, field, fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar, cast, get_args, get_origin, get_type_hints

T = TypeVar("T")


class Step(Enum):
    """The steps of a test, in their order."""

    CONNECT = "connect"
    ECHO = "echo"
    FIND = "find"
    STORE = "store"


class Outcome(Enum):
    """What became of a step."""

    OK = "ok"
    FAILED = "failed"
    NOT_OFFERED = "not offered"
    """The node does not do this; that may be as it should be."""


class Trouble(Enum):
    """What can go wrong between two nodes; `storage.records.advice` has the words for people."""

    UNKNOWN_HOST = "unknown host"
    REFUSED = "connection refused"
    UNREACHABLE = "unreachable"
    CONNECT_TIMEOUT = "connection timeout"
    NO_ANSWER = "no answer to the association request"
    CALLED_AET = "called AE title not recognised"
    CALLING_AET = "calling AE title not recognised"
    REJECTED = "rejected"
    BUSY = "too busy"
    ABORTED = "aborted"
    CLOSED = "closed"
    NOT_DICOM = "not DICOM"
    TLS_WANTED = "TLS wanted"
    TLS_NOT_SPOKEN = "TLS not spoken"
    TLS_NOT_SET_UP = "TLS not set up"
    CERTIFICATE = "certificate not accepted"
    NO_ECHO = "echo not offered"
    NO_FIND = "query not offered"
    NO_STORE = "storage not offered"
    NO_RETRIEVE = "retrieve not offered"
    NO_COMMITMENT = "storage commitment not offered"
    NOT_COMMITTED = "not committed"
    NOT_AUTHORIZED = "not authorized"
    OUT_OF_RESOURCES = "out of resources"
    DESTINATION_UNKNOWN = "move destination unknown"
    STATUS = "status"
    LOST = "connection lost"
    SILENT = "silent"
    NOT_THERE = "not there"
    NOT_ARRIVED = "not arrived"
    INCOMPLETE = "incomplete"
    PEER_REMOVED = "peer removed"
    STUDY_REMOVED = "study removed"
    ARCHIVE = "archive"
    TOO_LATE = "too late"
    INTERNAL = "internal"


class How(Enum):
    """How a study is pulled."""

    AUTOMATIC = "automatic"
    """C-GET where the node offers it, as that needs no way back to us; C-MOVE otherwise."""
    GET = "get"
    MOVE = "move"


class Phase(Enum):
    """What a transfer is doing."""

    CONNECTING = "connecting"
    COMPARING = "comparing"
    TRANSFERRING = "transferring"
    CHECKING = "checking"


@dataclass(frozen=True, slots=True)
class PeerTest:
    """Ask a node to echo, answer a query, and take a test image."""

    peer: str
    """Its AE title, as in all requests: its name may be changed meanwhile."""
    store: bool = False


@dataclass(frozen=True, slots=True)
class RemoteQuery:
    """Ask a node which studies it has; what is empty matches everything. Dates are `YYYYMMDD`."""

    peer: str
    patient_name: str = ""
    patient_id: str = ""
    accession_number: str = ""
    first: str = ""
    last: str = ""
    modality: str = ""


@dataclass(frozen=True, slots=True)
class Pull:
    """Bring a node's study here."""

    peer: str
    study_instance_uid: str
    how: How = How.AUTOMATIC
    title: str = ""
    """What people call it: patient, date, description."""


@dataclass(frozen=True, slots=True)
class Push:
    """Send a study of ours to a node."""

    peer: str
    study_instance_uid: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """One object that a node was sent."""

    sop_class_uid: str
    sop_instance_uid: str


@dataclass(frozen=True, slots=True)
class Confirm:
    """Ask a node whether it keeps what it was sent: storage commitment (PS3.4 J)."""

    peer: str
    study_instance_uid: str
    transaction_uid: str
    """The beginning of the UID of each transaction; a try adds the time."""
    objects: tuple[Sent, ...]
    title: str = ""


KINDS: dict[type[Any], str] = {
    PeerTest: "peer test",
    RemoteQuery: "peer query",
    Pull: "pull study",
    Push: "push study",
    Confirm: "confirm study",
}
"""The kind of job for each request."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A trouble with what is known of it: AE titles, host, port, status, comment."""

    trouble: Trouble
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepReport:
    """One step of a test."""

    step: Step
    outcome: Outcome
    seconds: float = 0.0
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class PeerTestReport:
    """What a test found."""

    steps: tuple[StepReport, ...] = ()
    offers: tuple[str, ...] = ()
    """The services that the node agreed to: echo, find, move, get, store."""

    @property
    def ok(self) -> bool:
        """Nothing failed."""
        return bool(self.steps) and all(step.outcome is not Outcome.FAILED for step in self.steps)


@dataclass(frozen=True, slots=True)
class RemoteStudy:
    """One study that a node told of; texts as they came, numbers None where the node did not tell."""

    study_instance_uid: str
    patient_name: str = ""
    patient_id: str = ""
    patient_birth_date: str = ""
    patient_sex: str = ""
    study_date: str = ""
    study_time: str = ""
    accession_number: str = ""
    study_description: str = ""
    modalities: tuple[str, ...] = ()
    number_of_series: int | None = None
    number_of_instances: int | None = None


@dataclass(frozen=True, slots=True)
class QueryReport:
    """What a node answered."""

    studies: tuple[RemoteStudy, ...] = ()
    is_cut: bool = False
    """It has more; we stopped asking."""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class TransferReport:
    """How far a transfer is; the counts are of objects."""

    phase: Phase = Phase.CONNECTING
    total: int | None = None
    """None while nobody knows."""
    done: int = 0
    already: int = 0
    """Were on the other side before it began, and are not sent again."""
    failed: int = 0
    via: str = ""
    """C-GET, C-MOVE or C-STORE."""
    problem: Problem | None = None
    seconds: float = 0.0
    """How long the last try has taken."""

    @property
    def percent(self) -> int | None:
        """How much of it is where it should be."""
        return None if not self.total else min(100, 100 * (self.done + self.already) // self.total)


def to_json(value: Any) -> str:
    """Return a request or a report as JSON."""
    return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))


def from_json(kind: type[T], text: str) -> T:
    """Read what `to_json` wrote; fields that are missing have their defaults, unknown ones are passed over.

    Raises:
        ValueError: it is of another form.
    """
    return cast("T", _read(kind, json.loads(text)))


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    return value


def _read(kind: Any, value: Any) -> Any:
    if get_origin(kind) is types.UnionType:
        return None if value is None else _read(get_args(kind)[0], value)
    if get_origin(kind) is tuple:
        return tuple(_read(get_args(kind)[0], v) for v in value)
    if isinstance(kind, type) and is_dataclass(kind):
        if not isinstance(value, dict):
            raise ValueError(f"{value!r} is no {kind.__name__}")
        hints = get_type_hints(kind)
        return kind(**{f.name: _read(hints[f.name], value[f.name]) for f in fields(kind) if f.name in value})
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    return value
