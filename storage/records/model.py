"""What the records answer with, frozen; all times are ISO 8601 in UTC with seconds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Role(Enum):
    """What a person or a program is in the hospital; `viewer.permissions` says what each role may do."""

    ADMIN = "admin"
    RADIOLOGIST = "radiologist"
    CLINICIAN = "clinician"
    TECHNICIAN = "technician"


class Means(Enum):
    """How a request showed who it comes from."""

    SESSION = "session"
    TOKEN = "token"
    PASSWORD = "password"


class Event(Enum):
    """What the audit table tells apart."""

    SIGN_IN = "sign-in"
    SIGN_IN_FAILED = "sign-in failed"
    SIGN_OUT = "sign-out"
    OPEN_STUDY = "open study"
    DOWNLOAD_OBJECT = "download object"
    SAVE_DOCUMENT = "save document"
    ADD_PEER = "add peer"
    CHANGE_PEER = "change peer"
    REMOVE_PEER = "remove peer"
    TEST_PEER = "test peer"
    QUERY_PEER = "query peer"
    PULL_STUDY = "pull study"
    PUSH_STUDY = "push study"
    CANCEL_TRANSFER = "cancel transfer"
    REPEAT_TRANSFER = "repeat transfer"
    STORE_OBJECTS = "store objects"
    REJECT = "reject"
    RESTORE = "restore"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class User:
    """A person who may sign in."""

    name: str
    role: Role
    disabled: bool
    created_at: str


@dataclass(frozen=True, slots=True)
class Token:
    """An API token as kept: never its text, only who it is for."""

    name: str
    role: Role
    created_at: str
    last_used_at: str
    revoked: bool


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a request comes from: a user's or a token's name, its role and how it was shown."""

    name: str
    role: Role
    means: Means


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in that is still good."""

    identity: Identity
    signed_in_at: str
    expires_at: str


@dataclass(frozen=True, slots=True)
class SignIn:
    """A fresh sign-in: the secret for the cookie, shown once, and whom it stands for."""

    token: str
    identity: Identity
    expires_at: str


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit: who did what, when, to which study, from which address."""

    at: str
    who: str
    means: str
    event: str
    study_instance_uid: str
    address: str
    detail: str


@dataclass(frozen=True, slots=True)
class Peer:
    """A remote node: a workstation, another archive, a scanner that asks back."""

    name: str
    aet: str
    host: str
    port: int
    may_query: bool = True
    may_retrieve: bool = True
    """It may have objects sent to itself, and be named as the destination of a C-MOVE."""
    tls: bool = False
    """It is spoken to with TLS."""
    tls_verify: bool = True
    """With TLS only when its certificate can be trusted."""
    tls_authorities: str = ""
    """PEM of its certificate, or of the authorities that sign it; empty for those that the system trusts."""
    asks_commitment: bool = False
    """It is asked to commit to the storage of what we send to it."""
    may_reject: bool = False
    """What its rejection notes name is taken out of use here, too (IHE IOCM)."""


class JobState(Enum):
    """Where a job stands."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_open(self) -> bool:
        """It is still to be done, or under way."""
        return self in (JobState.WAITING, JobState.RUNNING)


class Lane(Enum):
    """Jobs of one lane wait for each other only."""

    INTERACTIVE = "interactive"
    """Somebody looks at the screen meanwhile."""
    TRANSFER = "transfer"
    REPORT = "report"
    """Answers that we owe to a node."""


@dataclass(frozen=True, slots=True)
class Job:
    """Work to be done later: what kind of, and what it needs to know, as JSON."""

    number: int
    kind: str
    payload: str
    state: JobState
    attempts: int
    due_at: float
    """When it is tried next, seconds since 1970; while it runs, until when its worker has it."""
    created_at: str
    error: str
    """Why the last try failed; empty when none did."""
    lane: Lane = Lane.REPORT
    peer: str = ""
    """The AE title of the node it is about."""
    asked_by: str = ""
    is_cancelled: bool = False
    """Somebody does not want it any more; a worker that is at it stops soon."""
    report: str = ""
    """How far it is, and what came of it, as JSON."""
    ended_at: float = 0.0


@dataclass(frozen=True, slots=True)
class JobItem:
    """One object of a transfer that is finished with: there, or failed with a reason."""

    item: str
    is_done: bool
    reason: str = ""
