"""Failed sign-ins are slowed: after a few, each further try by that name from that address has to wait, ever longer.

While waiting, passwords are not even compared, so guessing costs the server nothing. Counting by name *and* address
keeps a stranger elsewhere from locking a doctor out. The table forgets after `WINDOW` and holds at most `MAX_ROWS`.
"""

from __future__ import annotations

import math
import time

from storage.errors import TooManyAttempts
from storage.records.database import RecordsDatabase

FREE_FAILURES = 5
FIRST_WAIT = 2.0
LONGEST_WAIT = 900.0
WINDOW = 3600.0
MAX_ROWS = 10_000


class Throttle:
    """Counts failures and says when the next try may be made."""

    def __init__(self, database: RecordsDatabase) -> None:
        self._database = database

    def check(self, name: str, address: str, now: float | None = None) -> None:
        """Pass when a try is allowed.

        Raises:
            TooManyAttempts: with the whole seconds to wait.
        """
        now = time.time() if now is None else now
        row = self._database.connection.execute(
            "SELECT failures, last_at FROM sign_in_failures WHERE name = ? AND address = ?", (name[:256], address)
        ).fetchone()
        if row is None or row["last_at"] <= now - WINDOW:
            return
        left = row["last_at"] + wait_after(row["failures"]) - now
        if left > 0:
            raise TooManyAttempts(math.ceil(left))

    def failed(self, name: str, address: str, now: float | None = None) -> None:
        """Count one failure, and forget the old and the surplus ones."""
        now = time.time() if now is None else now
        with self._database.writing() as connection:
            connection.execute("DELETE FROM sign_in_failures WHERE last_at <= ?", (now - WINDOW,))
            connection.execute(
                """INSERT INTO sign_in_failures VALUES (?, ?, 1, ?)
                   ON CONFLICT DO UPDATE SET failures = failures + 1, last_at = excluded.last_at""",
                (name[:256], address, now),
            )
            connection.execute(
                """DELETE FROM sign_in_failures WHERE (name, address) IN (
                       SELECT name, address FROM sign_in_failures ORDER BY last_at DESC LIMIT -1 OFFSET ?)""",
                (MAX_ROWS,),
            )

    def passed(self, name: str, address: str) -> None:
        """Forget the failures of `name` from `address` after a good sign-in."""
        with self._database.writing() as connection:
            connection.execute("DELETE FROM sign_in_failures WHERE name = ? AND address = ?", (name[:256], address))


def wait_after(failures: int) -> float:
    """Return the seconds to wait after so many failures in a row."""
    if failures < FREE_FAILURES:
        return 0.0
    return float(min(FIRST_WAIT * 2.0 ** min(failures - FREE_FAILURES, 20), LONGEST_WAIT))
