"""Named steps of a schema, each applied once.

sqlite-utils carries them out and notes them. It takes longer to load than everything else about a database, so only a
process that finds a step due loads it: a table of names tells all others that nothing is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

from storage.errors import DataFolderError

if TYPE_CHECKING:
    from sqlite_utils import Database
    from sqlite_utils.migrations import Migrations

Step = Callable[["Database"], None]


class Steps:
    """The steps of one database in their order, under the name by which it knows them."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._steps: dict[str, Step] = {}

    def __call__(self, step: Step) -> Step:
        """Add a step, as a decorator; its name is the function's."""
        self._steps[step.__name__] = step
        return step

    def migrations(self) -> Migrations:
        """Return them as sqlite-utils takes them."""
        from sqlite_utils.migrations import Migrations

        made = Migrations(self.name)
        for name, step in self._steps.items():
            made(name=name)(step)
        return made

    def applied(self, connection: sqlite3.Connection) -> list[str]:
        """Return the names of the steps that a database has, in the order in which they were applied."""
        table = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_sqlite_migrations'"
        if connection.execute(table).fetchone() is None:
            return []
        query = "SELECT name FROM _sqlite_migrations WHERE migration_set = ? ORDER BY rowid"
        return [row[0] for row in connection.execute(query, (self.name,))]

    def apply(self, connection: sqlite3.Connection, what: str) -> None:
        """Bring a database up to date.

        Raises:
            DataFolderError: it holds a step that this version does not know, so a newer version has written it.
        """
        applied = self.applied(connection)
        newer = [name for name in applied if name not in self._steps]
        if newer:
            raise DataFolderError(
                f"{what} was written by a newer version of Filmless (it knows {newer[-1]}): install that version again"
            )
        if set(applied) < set(self._steps):
            from sqlite_utils import Database

            self.migrations().apply(Database(connection))
