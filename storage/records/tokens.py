"""API tokens for programs: shown once, kept as SHA-256, good until revoked."""

from __future__ import annotations

import sqlite3
import time
from datetime import datetime

from storage.errors import AlreadyExists, NotFound
from storage.records.clock import iso
from storage.records.database import RecordsDatabase
from storage.records.model import Identity, Means, Role, Token
from storage.records.secrets import TOKEN_PREFIX, digest, new_token
from storage.records.users import checked_name

USED_STEP = 3600.0
"""The time of last use is written at most this often, in seconds."""


class Tokens:
    """Add, list, find and revoke tokens; reached as `Records.tokens`."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    def add(self, name: str, role: Role) -> str:
        """Return the text of a new token, which cannot be shown again.

        Raises:
            InvalidRecord: an unusable name.
            AlreadyExists: the name is taken, also by a revoked token.
        """
        name = checked_name(name)
        text = new_token(TOKEN_PREFIX)
        try:
            with self._database.writing() as connection:
                connection.execute(
                    "INSERT INTO tokens (name, role, token_sha256, created_at) VALUES (?, ?, ?, ?)",
                    (name, role.value, digest(text), iso(time.time())),
                )
        except sqlite3.IntegrityError:
            raise AlreadyExists(f"token {name!r} exists already") from None
        return text

    def revoke(self, name: str) -> None:
        """End the token `name` for good; `NotFound` for no such token."""
        with self._database.writing() as connection:
            changed = connection.execute("UPDATE tokens SET revoked = 1 WHERE name = ?", (name.strip(),)).rowcount
        if not changed:
            raise NotFound(f"no token {name!r}")

    def list(self) -> list[Token]:
        """Return all tokens by name, revoked ones too."""
        rows = self._database.connection.execute("SELECT * FROM tokens ORDER BY name")
        return [
            Token(r["name"], Role(r["role"]), r["created_at"], r["last_used_at"], revoked=bool(r["revoked"]))
            for r in rows
        ]

    def find(self, text: str, now: float | None = None) -> Identity | None:
        """Return whom the token stands for; None when unknown or revoked."""
        now = time.time() if now is None else now
        row = self._database.connection.execute(
            "SELECT id, name, role, last_used_at FROM tokens WHERE token_sha256 = ? AND NOT revoked", (digest(text),)
        ).fetchone()
        if row is None:
            return None
        if not row["last_used_at"] or now - datetime.fromisoformat(row["last_used_at"]).timestamp() >= USED_STEP:
            with self._database.writing() as connection:
                connection.execute("UPDATE tokens SET last_used_at = ? WHERE id = ?", (iso(now), row["id"]))
        return Identity(row["name"], Role(row["role"]), Means.TOKEN)
