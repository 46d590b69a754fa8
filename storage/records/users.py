"""People who may sign in."""

from __future__ import annotations

import sqlite3
import time
import unicodedata

from storage.errors import AlreadyExists, InvalidRecord, NotFound
from storage.records.clock import iso
from storage.records.database import RecordsDatabase
from storage.records.model import Role, User
from storage.records.secrets import NOBODY, hash_password, password_matches

PASSWORD_MIN_LENGTH = 10
PASSWORD_MAX_LENGTH = 256
NAME_MAX_LENGTH = 64


class Users:
    """Add, list, change and check users; reached as `Records.users`."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    def add(self, name: str, role: Role, password: str) -> User:
        """Add a user who may sign in at once.

        Raises:
            InvalidRecord: an unusable name or a password that is too short or too long.
            AlreadyExists: the name is taken, whatever its case.
        """
        name = checked_name(name)
        password_hash = hash_password(checked_password(password, name))
        created_at = iso(time.time())
        try:
            with self._database.writing() as connection:
                connection.execute(
                    "INSERT INTO users (name, role, password_hash, created_at) VALUES (?, ?, ?, ?)",
                    (name, role.value, password_hash, created_at),
                )
        except sqlite3.IntegrityError:
            raise AlreadyExists(f"user {name!r} exists already") from None
        return User(name, role, disabled=False, created_at=created_at)

    def set_password(self, name: str, password: str) -> None:
        """Give `name` a new password and end all of its sessions.

        Raises:
            InvalidRecord: the password is too short or too long.
            NotFound: no such user.
        """
        password_hash = hash_password(checked_password(password, name))
        self._change(name, "password_hash", password_hash)

    def set_role(self, name: str, role: Role) -> None:
        """Give `name` another role, effective with its next request; `NotFound` for no such user."""
        self._change(name, "role", role.value)

    def set_disabled(self, name: str, disabled: bool) -> None:
        """Forbid `name` to sign in, or allow it again; ends all of its sessions; `NotFound` for no such user."""
        self._change(name, "disabled", int(disabled))

    def list(self) -> list[User]:
        """Return all users by name."""
        rows = self._database.connection.execute("SELECT * FROM users ORDER BY name")
        return [_user(row) for row in rows]

    def get(self, name: str) -> User:
        """Return the user `name`; `NotFound` for no such user."""
        row = self._row(name)
        if row is None:
            raise NotFound(f"no user {name!r}")
        return _user(row)

    def check(self, name: str, password: str) -> User | None:
        """Return the user when name and password match and the user is not disabled, else None, in the same time."""
        row = self._row(name)
        # A missing user's password is compared too, so that the time of an answer does not tell who exists.
        matches = password_matches(NOBODY if row is None else row["password_hash"], password)
        if row is None or not matches or row["disabled"]:
            return None
        return _user(row)

    def password_hash(self, name: str) -> str | None:
        """Return the hash of an enabled user, by which a remembered check is known to be still good."""
        row = self._row(name)
        return None if row is None or row["disabled"] else row["password_hash"]

    def _row(self, name: str) -> sqlite3.Row | None:
        found: sqlite3.Row | None = self._database.connection.execute(
            "SELECT * FROM users WHERE name = ?", (normal(name),)
        ).fetchone()
        return found

    def _change(self, name: str, column: str, value: str | int) -> None:
        with self._database.writing() as connection:
            row = connection.execute("SELECT id FROM users WHERE name = ?", (normal(name),)).fetchone()
            if row is None:
                raise NotFound(f"no user {name!r}")
            connection.execute(f"UPDATE users SET {column} = ? WHERE id = ?", (value, row["id"]))
            if column != "role":
                connection.execute("DELETE FROM sessions WHERE user_id = ?", (row["id"],))


def checked_name(name: str) -> str:
    """Return `name` in NFC without outer spaces; `InvalidRecord` where it is empty, too long or has odd characters."""
    name = normal(name)
    if not 1 <= len(name) <= NAME_MAX_LENGTH:
        raise InvalidRecord(f"a name has 1 to {NAME_MAX_LENGTH} characters")
    # A colon ends the name in HTTP Basic (RFC 7617 2).
    if ":" in name or not name.isprintable():
        raise InvalidRecord(f"the name {name[:NAME_MAX_LENGTH]!r} holds a colon or an unprintable character")
    return name


def checked_password(password: str, name: str) -> str:
    """Return `password`; `InvalidRecord` says which rule it breaks."""
    if len(password) < PASSWORD_MIN_LENGTH:
        raise InvalidRecord(f"a password has at least {PASSWORD_MIN_LENGTH} characters; this one has {len(password)}")
    if len(password) > PASSWORD_MAX_LENGTH:
        raise InvalidRecord(f"a password has at most {PASSWORD_MAX_LENGTH} characters")
    if len(set(password)) < 4 or password.casefold() == name.casefold():
        raise InvalidRecord("a password has at least 4 different characters and is not the user's name")
    return password


def normal(name: str) -> str:
    """Return the form in which a name is compared, case aside: what is typed may have spaces around it."""
    return unicodedata.normalize("NFC", name).strip()


def _user(row: sqlite3.Row) -> User:
    return User(row["name"], Role(row["role"]), disabled=bool(row["disabled"]), created_at=row["created_at"])
