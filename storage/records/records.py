"""The door to records.sqlite3."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from pathlib import Path
from types import TracebackType

from storage.errors import DataFolderError, SignInRefused
from storage.records.audit import Audit
from storage.records.database import RecordsDatabase
from storage.records.jobs import Jobs
from storage.records.model import Event, Identity, Means, SignIn
from storage.records.peers import Peers
from storage.records.sessions import SessionRules, Sessions
from storage.records.throttle import Throttle
from storage.records.tokens import Tokens
from storage.records.users import Users, normal

FILE_NAME = "records.sqlite3"
REMEMBER_SECONDS = 60.0
REMEMBER_MAX = 256


class Records:
    """Users, sessions, tokens, peers, jobs and audit of one data folder; the threads of a process may share it."""

    def __init__(self, database: RecordsDatabase, rules: SessionRules) -> None:
        self._database = database
        self.users = Users(database)
        self.sessions = Sessions(database, rules)
        self.tokens = Tokens(database)
        self.peers = Peers(database)
        self.jobs = Jobs(database)
        self.audit = Audit(database)
        self._throttle = Throttle(database)
        self._remembered = _Remembered()
        self._first_check = threading.Lock()

    @classmethod
    def open(cls, data: Path, rules: SessionRules | None = None) -> Records:
        """Open, create or migrate the records in the folder `data`, which is made when missing.

        Raises:
            DataFolderError: not a folder, unwritable, or written by a newer version.
        """
        try:
            data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataFolderError(f"{data}: {error.strerror}") from error
        return cls(RecordsDatabase(data / FILE_NAME), rules or SessionRules())

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def __enter__(self) -> Records:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def sign_in(self, name: str, password: str, address: str) -> SignIn:
        """Check the password and begin a session.

        Raises:
            SignInRefused: no such user, wrong password or disabled, told alike.
            TooManyAttempts: too many failures; the password was not looked at.
        """
        identity = self._checked(name, password, address)
        signed_in = self.sessions.begin(self.users.get(identity.name))
        self.audit.record(Event.SIGN_IN, who=identity.name, means=Means.SESSION.value, address=address)
        return signed_in

    def check_password(self, name: str, password: str, address: str) -> Identity:
        """Check a name and password that come with every request (HTTP Basic); raises as `sign_in` does.

        A good answer is remembered for a minute, as argon2 is slow on purpose; a changed password, role or a disabled
        user counts at once.
        """
        known = self.recall(name, password)
        if known is not None:
            return known
        # One at a time: a client's first eight parallel requests are one check, not eight pending failures.
        with self._first_check:
            known = self.recall(name, password)
            if known is not None:
                return known
            identity = self._checked(name, password, address)
            self._remembered.put(name, password, self.users.password_hash(name) or "")
        self.audit.record(Event.SIGN_IN, who=identity.name, means=Means.PASSWORD.value, address=address)
        return identity

    def recall(self, name: str, password: str) -> Identity | None:
        """Return whom `check_password` found good within the last minute, and who still is; None otherwise."""
        kept = self._remembered.get(name, password)
        if kept is None or kept != self.users.password_hash(name):
            return None
        user = self.users.get(name)
        return Identity(user.name, user.role, Means.PASSWORD)

    def _checked(self, name: str, password: str, address: str) -> Identity:
        # By the name that is looked up: spaces around it would make another one of each guess.
        counted = normal(name)
        self._throttle.check(counted, address)
        # Counted before the slow comparison and forgiven after it: a burst of parallel guesses must not slip through.
        self._throttle.failed(counted, address)
        user = self.users.check(name, password)
        if user is None:
            self.audit.record(Event.SIGN_IN_FAILED, who=name, means=Means.PASSWORD.value, address=address)
            raise SignInRefused
        self._throttle.passed(counted, address)
        return Identity(user.name, user.role, Means.PASSWORD)


class _Remembered:
    """Passwords that were found good a moment ago, as keyed digests in this process's memory only."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._kept: OrderedDict[bytes, tuple[float, str]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str, password: str) -> str | None:
        """Return the password hash that was matched, or None when too old or never seen."""
        with self._lock:
            found = self._kept.get(self._digest(name, password))
        return found[1] if found is not None and found[0] > time.monotonic() - REMEMBER_SECONDS else None

    def put(self, name: str, password: str, password_hash: str) -> None:
        with self._lock:
            self._kept[self._digest(name, password)] = (time.monotonic(), password_hash)
            while len(self._kept) > REMEMBER_MAX:
                self._kept.popitem(last=False)

    def _digest(self, name: str, password: str) -> bytes:
        text = f"{name}\0{password}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, text, hashlib.sha256)
