"""One line per event on stderr, for a terminal and for the journal alike."""

from __future__ import annotations

import logging
import sys


def set_up_logging() -> None:
    """Send all of our log lines to stderr with time and level; libraries only from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("filmless").setLevel(logging.INFO)
