"""What people and programs may do, and what they did: users, sign-in sessions, API tokens, peers, jobs, audit.

`records.sqlite3` cannot be rebuilt from the archive, so every write waits for the disk and the file belongs in the
backup. `Records` is the only door.
"""

from storage.records.model import (
    AuditEntry,
    Event,
    Identity,
    Job,
    JobItem,
    JobState,
    Lane,
    Means,
    Peer,
    Role,
    Session,
    SignIn,
    Token,
    User,
)
from storage.records.records import Records

__all__ = [
    "AuditEntry",
    "Event",
    "Identity",
    "Job",
    "JobItem",
    "JobState",
    "Lane",
    "Means",
    "Peer",
    "Records",
    "Role",
    "Session",
    "SignIn",
    "Token",
    "User",
]
