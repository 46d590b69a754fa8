"""One line per event on stderr, for a terminal and for the journal alike."""

from __future__ import annotations

import logging
import sys

import pydicom.config

from storage.printable import printable

_MAX_TEXT = 200


def one_line(text: str) -> str:
    """Return text that came from outside as it may stand in a log line: printable, no line breaks, not without end."""
    plain = printable(text)
    return plain if len(plain) <= _MAX_TEXT else f"{plain[:_MAX_TEXT]}..."


def set_up_logging() -> None:
    """Send all of our log lines to stderr with time and level; libraries only from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("filmless").setLevel(logging.INFO)
    quiet_libraries()


def quiet_libraries() -> None:
    """Keep libraries from commenting on what peers send: it comes back as an error, logged once, with the sender.

    Their warnings are two lines each, in the sender's own words, and Python remembers every different one for ever.
    """
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
