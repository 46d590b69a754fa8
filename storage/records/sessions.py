"""Sign-in sessions: an opaque random token in the browser's cookie, its SHA-256 here."""

from __future__ import annotations

import time
from dataclasses import dataclass

from storage.records.clock import iso
from storage.records.database import RecordsDatabase
from storage.records.model import Identity, Means, Role, Session, SignIn, User
from storage.records.secrets import digest, new_token


@dataclass(frozen=True, slots=True)
class SessionRules:
    """How long a sign-in lasts, in seconds, and how many one user may have at once."""

    lifetime: float = 12 * 3600
    """A shift: after it, sign in again however busy."""
    idle: float = 2 * 3600
    seen_step: float = 60
    """The time of last use is written at most this often, as each write waits for the disk."""
    per_user: int = 50


class Sessions:
    """Begin, find and end sessions; reached as `Records.sessions`."""

    def __init__(self, database: RecordsDatabase, rules: SessionRules) -> None:
        self._database = database
        self._rules = rules

    def begin(self, user: User, now: float | None = None) -> SignIn:
        """Start a session for `user`; the oldest ones past `SessionRules.per_user` end."""
        now = time.time() if now is None else now
        token = new_token()
        expires_at = now + self._rules.lifetime
        with self._database.writing() as connection:
            connection.execute(
                "INSERT INTO sessions SELECT ?, id, ?, ?, ? FROM users WHERE name = ?",
                (digest(token), now, now, expires_at, user.name),
            )
            connection.execute("DELETE FROM sessions WHERE expires_at <= ?", (now,))
            connection.execute(
                """DELETE FROM sessions WHERE token_sha256 IN (
                       SELECT token_sha256 FROM sessions JOIN users ON users.id = user_id WHERE users.name = ?
                       ORDER BY signed_in_at DESC LIMIT -1 OFFSET ?)""",
                (user.name, self._rules.per_user),
            )
        return SignIn(token, Identity(user.name, user.role, Means.SESSION), iso(expires_at))

    def find(self, token: str, now: float | None = None, *, touch: bool = True) -> Session | None:
        """Return the session of `token` with its user's present role; None when unknown, ended, expired or idle.

        `touch` False looks without counting as use, for connections that only stay open.
        """
        now = time.time() if now is None else now
        key = digest(token)
        row = self._database.connection.execute(
            """SELECT users.name, users.role, signed_in_at, seen_at, expires_at
               FROM sessions JOIN users ON users.id = user_id
               WHERE token_sha256 = ? AND expires_at > ? AND seen_at > ? AND NOT users.disabled""",
            (key, now, now - self._rules.idle),
        ).fetchone()
        if row is None:
            return None
        if touch and now - row["seen_at"] >= self._rules.seen_step:
            with self._database.writing() as connection:
                connection.execute("UPDATE sessions SET seen_at = ? WHERE token_sha256 = ?", (now, key))
        identity = Identity(row["name"], Role(row["role"]), Means.SESSION)
        return Session(identity, iso(row["signed_in_at"]), iso(row["expires_at"]))

    def end(self, token: str) -> None:
        """End the session of `token`, if there is one."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM sessions WHERE token_sha256 = ?", (digest(token),))
