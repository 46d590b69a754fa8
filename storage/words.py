"""Words of names, modalities and identifiers, kept so that a piece of one leads to its studies at any size of archive.

What is kept for each study, and why:
- `word` holds every distinct folded word of a patient's name, and every modality, once. People share few thousand
  words, so a piece in the middle of one is looked for among these and not among a million names.
- `study_word` leads from a word to its studies in the order of their dates, so that the newest are found without
  sorting all.
- `identifier` holds Patient ID and Accession Number cut into pieces of three characters, an FTS5 table without content;
  `identifier_gram` holds the distinct pieces, so that one that occurs nowhere is known at once.

All of these only point at studies that may match: each is compared with the condition itself afterwards (`sql`).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from enum import IntEnum

from storage.names import tokens

EDGE = "\n"
"""Stands before and after each identifier, so that its beginning and end are pieces too."""
GRAM = 3


class Kind(IntEnum):
    """What a word belongs to."""

    NAME = 0
    MODALITY = 1
    FIRST = 2
    """The word that a name, or a component group of it, begins with."""


class WordWriter:
    """Adds the words of new studies, within the transaction of its caller."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self._known: dict[tuple[Kind, str], int] = {}

    def add_study(self, study: int, when: tuple[str, str], person_name: str, identifiers: Iterable[str]) -> None:
        """Add a study's name and identifiers; `when` is its date and time."""
        self.add(study, when, Kind.NAME, tokens(person_name))
        self.add(study, when, Kind.FIRST, (word for group in person_name.split("=") for word in tokens(group)[:1]))
        text = identifier_text(identifiers)
        if text != EDGE:
            self._db.execute("INSERT INTO identifier (rowid, text) VALUES (?, ?)", (study, text))
            grams = [(gram,) for gram in grams_of(text)]
            self._db.executemany("INSERT OR IGNORE INTO identifier_gram (text) VALUES (?)", grams)

    def remove_study(
        self,
        study: int,
        when: tuple[str, str],
        person_name: str,
        identifiers: Iterable[str],
        modalities: Iterable[str],
    ) -> None:
        """Take out what `add_study` and `add_modalities` put in for a study, given the same."""
        firsts = [word for group in person_name.split("=") for word in tokens(group)[:1]]
        for kind, texts in ((Kind.NAME, tokens(person_name)), (Kind.FIRST, firsts), (Kind.MODALITY, modalities)):
            rows = [(kind, text, *when, study) for text in dict.fromkeys(texts) if text]
            self._db.executemany(
                "DELETE FROM study_word WHERE word = (SELECT id FROM word WHERE kind = ? AND text = ?)"
                " AND study_date = ? AND study_time = ? AND study = ?",
                rows,
            )
        text = identifier_text(identifiers)
        if text != EDGE:
            # A table without content is told what to forget.
            self._db.execute("INSERT INTO identifier (identifier, rowid, text) VALUES ('delete', ?, ?)", (study, text))

    def add_modalities(self, study: int, modalities: Iterable[str]) -> None:
        """Add modalities that are new in a study."""
        row = self._db.execute("SELECT study_date, study_time FROM study WHERE id = ?", (study,)).fetchone()
        self.add(study, (row[0], row[1]), Kind.MODALITY, modalities)

    def add(self, study: int, when: tuple[str, str], kind: Kind, texts: Iterable[str]) -> None:
        """Put a study into the lists of words."""
        rows = [(self._word(kind, text), *when, study) for text in dict.fromkeys(texts) if text]
        self._db.executemany(
            "INSERT OR IGNORE INTO study_word (word, study_date, study_time, study) VALUES (?, ?, ?, ?)", rows
        )

    def _word(self, kind: Kind, text: str) -> int:
        known = self._known.get((kind, text))
        if known is not None:
            return known
        row = self._db.execute("SELECT id FROM word WHERE kind = ? AND text = ?", (kind, text)).fetchone()
        if row is None:
            found = self._db.execute("INSERT INTO word (kind, text) VALUES (?, ?)", (kind, text)).lastrowid
        else:
            found = row[0]
        assert found is not None
        self._known[(kind, text)] = int(found)
        return int(found)


def identifier_text(identifiers: Iterable[str]) -> str:
    """Return what is cut into pieces: lower case, an edge at every end."""
    return EDGE + "".join(text.lower() + EDGE for text in identifiers if text)


def grams_of(text: str) -> tuple[str, ...]:
    """Return the distinct pieces of three characters."""
    return tuple(dict.fromkeys(text[i : i + GRAM] for i in range(len(text) - GRAM + 1)))


def fill(connection: sqlite3.Connection) -> None:
    """Add the words of all studies that are there already."""
    writer = WordWriter(connection)
    columns = "id, study_date, study_time, patient_name, patient_id, accession_number, modalities"
    # By date, so that the lists are written in their order.
    for row in connection.execute(f"SELECT {columns} FROM study ORDER BY study_date, study_time"):
        when = (row[1], row[2])
        writer.add_study(row[0], when, row[3], (row[4], row[5]))
        writer.add(row[0], when, Kind.MODALITY, (row[6] or "").split("\\"))
