"""What may stand in an address."""

from __future__ import annotations

from werkzeug.routing import IntegerConverter


class WholeNumber(IntegerConverter):
    """`<int:...>` of at most 18 digits: what is longer fits into no column of SQLite, so that it is no address here."""

    regex = "[0-9]{1,18}"
